import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { failedLines } from './retry-input.ts';

function request(id: string): string {
  return `{"custom_id":"${id}","body":{"n":1}}`;
}

/** The lines of the input that are tried again. */
function retried(input: string, errors: string): Promise<string> {
  const files: Readonly<Record<string, string>> = { 'files/in': input, 'files/bad': errors };
  const read = async (key: string) => Readable.from([Buffer.from(files[key] ?? '')]);
  return text(failedLines({ objects: { read }, inputFileId: 'in', errorFileId: 'bad' }));
}

test('a retry takes the lines whose ids are in the error file, as they are, in their order', async () => {
  const input = ['a', 'b', 'c', 'd'].map(request).join('\n');
  const errors = ['b', 'd'].map((id) => `{"id":"x","custom_id":"${id}","response":null}\n`).join('');

  expect(await retried(input, errors)).toBe(`${request('b')}\n${request('d')}\n`);
});

test('line ends and blank lines of the input are not taken over', async () => {
  const input = `\uFEFF${request('a')}\r\n\r\n  \r\n${request('b')}\r\n`;
  const errors = '{"custom_id":"a"}\n{"custom_id":"b"}\n';

  expect(await retried(input, errors)).toBe(`${request('a')}\n${request('b')}\n`);
});

test('ids that are written in another way in both files are the same', async () => {
  const line = '{"custom_id":"\\u0061","body":{}}';

  expect(await retried(`${line}\n${request('b')}\n`, '{"custom_id":"a"}\n')).toBe(`${line}\n`);
});
