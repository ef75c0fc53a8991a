import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { mayNeedRedaction, redact } from './redact.ts';

const key = fc.oneof(
  fc.string(),
  fc.constantFrom(
    'prompt',
    'Prompt',
    'x-api-key',
    'API_KEY',
    'set-cookie',
    'promptTokens',
    'api',
    'context',
    'a"prompt',
    '_prompt-',
  ),
);
const piece = fc.oneof(
  fc.string(),
  fc.constantFrom(
    'redis://:secret@h',
    'http://h/v1',
    'Bearer ',
    'basic',
    'abcdefgh',
    'sk-12345678',
    'hf_12345678',
    'ta',
  ),
  fc.constantFrom('\n', '\t', ' ', '"', '\\', '@', '://', 'prompt":'),
);
const text = fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join(''));
const { record } = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 4 }, text, fc.integer(), fc.constant(null), fc.array(tie('value')), tie('record')),
  record: fc.dictionary(key, tie('value')),
}));

test('a line that is written as it is has nothing to take out', () => {
  fc.assert(
    fc.property(record, (logged) => {
      const line = JSON.stringify(logged);
      if (mayNeedRedaction(line)) return;
      expect(redact(JSON.parse(line))).toEqual(JSON.parse(line));
    }),
    { numRuns: 40 },
  );
});

test('a text that was made to be slow to search is searched in no time', () => {
  const start = performance.now();

  for (const text of ['a.', 'a:', 'a://', 'bearer ', 'sk-']) redact({ text: 1, detail: text.repeat(50_000) });

  expect(performance.now() - start).toBeLessThan(2_000);
});

test('what was redacted once needs no second time', () => {
  fc.assert(
    fc.property(record, (logged) => {
      const once = redact(JSON.parse(JSON.stringify(logged)));
      expect(redact(once)).toEqual(once);
    }),
    { numRuns: 40 },
  );
});
