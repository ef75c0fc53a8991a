import { expect, test } from 'vitest';
import { attachment, keptFilename } from './filename.ts';

test.each([
  ['a plain name', 'input.jsonl', 'input.jsonl'],
  ['letters of any script', 'Eingäbe 日本.jsonl', 'Eingäbe 日本.jsonl'],
  ['a path', '../../etc/passwd', 'passwd'],
  ['a path of Windows', 'C:\\data\\input.jsonl', 'input.jsonl'],
  ['control characters', 'in\u0000put\r\n.jsonl', 'input.jsonl'],
  ['half a character', 'a\ud800b', 'a\ufffdb'],
  ['no name', '', 'unknown_file'],
  ['a name of dots', 'a/..', 'unknown_file'],
])('%s is kept as a name that can be shown and stored', (_what, given, kept) => {
  expect(keptFilename(given)).toBe(kept);
});

test('a name that is too long is shortened before its ending', () => {
  const kept = keptFilename(`${'x'.repeat(300)}.jsonl`);

  expect(kept).toHaveLength(255);
  expect(kept).toMatch(/x\.jsonl$/);
});

test('a download has its name in a form that any client can read, and nothing can be put into the header', () => {
  expect(attachment('a"b\\日.jsonl')).toBe(
    `attachment; filename="a_b__.jsonl"; filename*=UTF-8''a%22b%5C%E6%97%A5.jsonl`,
  );
});
