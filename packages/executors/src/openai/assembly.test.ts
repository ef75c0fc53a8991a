import { expect, test } from 'vitest';
import { Assembly } from './assembly.ts';

test('content, refusal and reasoning grow; the role and the finish reason stay', () => {
  const body = assemble([
    delta({ role: 'assistant', content: '' }),
    delta({ reasoning_content: 'Let me ' }),
    delta({ reasoning_content: 'think.' }),
    delta({ content: 'Hel', refusal: null }),
    delta({ content: 'lo' }),
    delta({ refusal: 'N' }),
    delta({ refusal: 'o.' }),
    delta({}, 'stop'),
  ]);

  expect(body['choices']).toEqual([
    {
      index: 0,
      message: { role: 'assistant', content: 'Hello', refusal: 'No.', reasoning_content: 'Let me think.' },
      logprobs: null,
      finish_reason: 'stop',
    },
  ]);
});

test('tool calls are put together by their index, whatever order they come in', () => {
  const body = assemble([
    delta({ tool_calls: [{ index: 1, id: 'b', type: 'function', function: { name: 'time', arguments: '{}' } }] }),
    delta({ tool_calls: [{ index: 0, id: 'a', type: 'function', function: { name: 'weather', arguments: '' } }] }),
    delta({ tool_calls: [{ index: 0, function: { arguments: '{"city":' } }] }),
    delta({ tool_calls: [{ index: 0, function: { arguments: '"Oslo"}' } }] }),
    delta({}, 'tool_calls'),
  ]);

  expect(body).toMatchObject({
    choices: [
      {
        finish_reason: 'tool_calls',
        message: {
          content: null,
          tool_calls: [
            { id: 'a', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } },
            { id: 'b', type: 'function', function: { name: 'time', arguments: '{}' } },
          ],
        },
      },
    ],
  });
});

test('tool calls without an index, and custom tools, are put together by position', () => {
  const body = assemble([
    delta({ tool_calls: [{ id: 'a', type: 'custom', custom: { name: 'sql', input: 'select' } }] }),
    delta({ tool_calls: [{ custom: { input: ' 1' } }] }),
  ]);

  expect(body).toMatchObject({
    choices: [{ message: { tool_calls: [{ id: 'a', custom: { name: 'sql', input: 'select 1' } }] } }],
  });
});

test('a function call of the old kind is put together', () => {
  const body = assemble([
    delta({ function_call: { name: 'weather', arguments: '{"a"' } }),
    delta({ function_call: { arguments: ':1}' } }),
  ]);

  expect(body).toMatchObject({ choices: [{ message: { function_call: { name: 'weather', arguments: '{"a":1}' } } }] });
});

test('choices come in the order of their index, each with what belongs to it', () => {
  const body = assemble([
    { choices: [{ index: 1, delta: { content: 'b' } }] },
    { choices: [{ index: 0, delta: { content: 'a' } }] },
    { choices: [{ index: 1, delta: { content: 'B' }, finish_reason: 'length', stop_reason: 7 }] },
  ]);

  expect(body).toMatchObject({
    choices: [
      { index: 0, message: { content: 'a' }, finish_reason: null },
      { index: 1, message: { content: 'bB' }, finish_reason: 'length', stop_reason: 7 },
    ],
  });
});

test('log probabilities of chat and of completions go on from chunk to chunk', () => {
  const chat = assemble([
    { choices: [{ index: 0, delta: { content: 'a' }, logprobs: { content: [{ token: 'a' }], refusal: null } }] },
    { choices: [{ index: 0, delta: { content: 'b' }, logprobs: { content: [{ token: 'b' }], refusal: null } }] },
  ]);
  const text = assemble(
    [
      { choices: [{ index: 0, text: 'a', logprobs: { tokens: ['a'], token_logprobs: [-1] } }] },
      { choices: [{ index: 0, text: 'b', logprobs: { tokens: ['b'], token_logprobs: [-2] } }] },
    ],
    'text_completion',
  );

  expect(chat).toMatchObject({ choices: [{ logprobs: { content: [{ token: 'a' }, { token: 'b' }], refusal: null } }] });
  expect(text).toMatchObject({ choices: [{ text: 'ab', logprobs: { tokens: ['a', 'b'], token_logprobs: [-1, -2] } }] });
});

test('the head comes from the chunks, with the object of a whole answer and the last usage', () => {
  const body = assemble([
    {
      id: 'x',
      object: 'chat.completion.chunk',
      created: 5,
      model: 'm',
      system_fingerprint: 'fp',
      choices: [],
      usage: null,
    },
    { id: 'x', object: 'chat.completion.chunk', created: 5, model: 'm', choices: [], usage: { total_tokens: 2 } },
  ]);

  expect(body).toEqual({
    id: 'x',
    object: 'chat.completion',
    created: 5,
    model: 'm',
    system_fingerprint: 'fp',
    choices: [],
    usage: { total_tokens: 2 },
  });
});

test('it is complete once every expected choice has said why it ended', () => {
  const assembly = new Assembly('chat.completion');

  assembly.add(delta({ content: 'a' }, 'stop'));

  expect(assembly.isComplete(1)).toBe(true);
  expect(assembly.isComplete(2)).toBe(false);
});

type Chunk = Readonly<Record<string, unknown>>;

function delta(fields: Chunk, finishReason: string | null = null): Chunk {
  return { choices: [{ index: 0, delta: fields, finish_reason: finishReason }] };
}

function assemble(chunks: readonly Chunk[], object: 'chat.completion' | 'text_completion' = 'chat.completion'): Chunk {
  const assembly = new Assembly(object);
  for (const chunk of chunks) assembly.add(chunk);
  return assembly.body();
}
