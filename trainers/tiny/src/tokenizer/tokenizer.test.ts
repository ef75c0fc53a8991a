import { array, assert, integer, property } from 'fast-check';
import { expect, test } from 'vitest';
import { chatParts, chatPrompt } from './chat-template.ts';
import { learnMerges } from './learn-merges.ts';
import { createTokenizer, utf8Decoder } from './tokenizer.ts';
import { firstMergeToken, specialTokenId } from './vocabulary.ts';

const sample = ['the queue holds the jobs', 'the worker takes the job', 'the queue is empty'];
const tokenizer = createTokenizer(learnMerges(sample, firstMergeToken + 20));

/** All of Unicode but surrogates, which stand for nothing on their own. */
const codePoint = integer({ min: 0, max: 0x10ffff - 0x800 }).map((n) => (n < 0xd800 ? n : n + 0x800));

test('any text comes back unchanged', () => {
  assert(
    property(array(codePoint, { maxLength: 60 }), (codePoints) => {
      const text = String.fromCodePoint(...codePoints);
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
    }),
    { numRuns: 100 },
  );
});

test('frequent pieces become single tokens', () => {
  expect(tokenizer.encode('the queue').length).toBeLessThan(5);
  expect(createTokenizer([]).encode('the queue')).toHaveLength(9);
});

test('the same texts give the same merges', () => {
  expect(learnMerges(sample, firstMergeToken + 20)).toEqual(tokenizer.merges);
});

test('a special token written out in a text is plain text', () => {
  const tokens = tokenizer.encode('<|end|>');
  expect(tokens).not.toContain(specialTokenId('<|end|>'));
  expect(tokenizer.decode(tokens)).toBe('<|end|>');
});

test('a character that several tokens spell appears only when it is whole', () => {
  const decoder = utf8Decoder();
  const shown = tokenizer.encode('é€').map((token) => decoder.decode(tokenizer.bytes(token), { stream: true }));
  expect(shown).toEqual(['', 'é', '', '', '€']);
});

test('only what the assistant says is spoken', () => {
  const parts = chatParts(tokenizer, [
    { role: 'user', content: 'a' },
    { role: 'assistant', content: 'b' },
  ]);
  const spoken = parts.filter((part) => part.spoken).flatMap((part) => part.tokens);
  expect(spoken).toEqual([...tokenizer.encode('b'), specialTokenId('<|end|>')]);
});

test('a prompt ends where the assistant is to speak', () => {
  expect(chatPrompt(tokenizer, [{ role: 'user', content: 'a' }])).toEqual([
    specialTokenId('<|begin|>'),
    specialTokenId('<|user|>'),
    97,
    specialTokenId('<|end|>'),
    specialTokenId('<|assistant|>'),
  ]);
});

test('a text of one endless word is encoded in linear time', () => {
  expect(tokenizer.decode(tokenizer.encode('e'.repeat(50_000)))).toHaveLength(50_000);
});
