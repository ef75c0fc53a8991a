import { describe, expect, test } from 'vitest';
import { textOfChunk, textOfResult } from './answer-text.ts';

describe('textOfChunk', () => {
  test.each([
    ['a chat chunk', { choices: [{ index: 0, delta: { content: 'Hi' } }] }, 'Hi'],
    ['the first chat chunk', { choices: [{ index: 0, delta: { role: 'assistant' } }] }, ''],
    ['a usage chunk', { choices: [], usage: { total_tokens: 3 } }, ''],
    ['a completion chunk', { choices: [{ index: 0, text: 'Hi' }] }, 'Hi'],
    ['an event of a fine-tune', { message: 'step 10', metrics: { loss: 1.23456 } }, 'step 10  loss 1.235\n'],
  ])('%s', (_name, chunk, text) => {
    expect(textOfChunk(JSON.stringify(chunk))).toBe(text);
  });

  test('what is not JSON adds nothing', () => {
    expect(textOfChunk('{"choices":')).toBe('');
  });
});

describe('textOfResult', () => {
  test.each([
    ['a chat completion', { choices: [{ message: { role: 'assistant', content: 'Hi' } }] }, 'Hi'],
    ['a completion', { choices: [{ text: 'Hi' }] }, 'Hi'],
    ['embeddings', { data: [{ embedding: [0.1, 0.2, 0.3] }] }, '1 vector of 3 numbers (--json prints them)'],
    ['packed embeddings', { data: [{ embedding: 'AAAAAAAAAAA=' }] }, '1 vector of 2 numbers (--json prints them)'],
    ['anything else', { run_id: 'r' }, '{\n  "run_id": "r"\n}'],
  ])('%s', (_name, result, text) => {
    expect(textOfResult(result)).toBe(text);
  });

  test('an answer without text is shown whole', () => {
    const toolCall = { choices: [{ message: { content: null, tool_calls: [{ id: 'call' }] } }] };

    expect(textOfResult(toolCall)).toContain('tool_calls');
  });
});
