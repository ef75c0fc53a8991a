import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { peekEndpoint } from './input-file.ts';

async function* inPieces(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const EMBED = '{"custom_id":"é","url":"/v1/embeddings"}';

test.each([
  ['of one line', EMBED, '/v1/embeddings'],
  ['of many lines', `${EMBED}\n{"url":"/v1/completions"}\n`, '/v1/embeddings'],
  ['that begins with a mark and blank lines', `\uFEFF\r\n \n${EMBED}\r\n`, '/v1/embeddings'],
  ['whose first line is not JSON', `{"url":\n${EMBED}`, undefined],
  ['whose first line is null', `null\n${EMBED}`, undefined],
  ['that asks for what there is not', '{"url":"/v1/responses"}\n', undefined],
  ['that is empty', '', undefined],
  ['that is blank', '\n \n', undefined],
])('the endpoint of a file %s is that of its first line, and the file stays whole', async (_name, text, endpoint) => {
  for (const size of [3, 7, 1_000]) {
    const peeked = await peekEndpoint(inPieces(text, size));

    expect(peeked.endpoint).toBe(endpoint);
    expect((await buffer(peeked.content)).toString()).toBe(text);
  }
});

test('a first line that never ends is not read to its end', async () => {
  let read = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      read += 1;
      yield Buffer.alloc(1024 * 1024, 'a');
    }
  }

  const { endpoint } = await peekEndpoint(endless());

  expect({ endpoint, read }).toEqual({ endpoint: undefined, read: 8 });
});
