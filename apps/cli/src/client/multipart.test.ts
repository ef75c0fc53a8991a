import { expect, test } from 'vitest';
import { multipart } from './multipart.ts';

async function* pieces(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

test('a form is read by others as it was meant, with its fields before its file', async () => {
  const form = multipart({ purpose: 'batch' }, { filename: 'a "b".jsonl', content: pieces('one\r\n', '--two') });

  const response = new Response(form.content, { headers: { 'content-type': form.contentType } });
  const read = await response.formData();

  const file = read.get('file') as File;
  expect([...read.keys()]).toEqual(['purpose', 'file']);
  expect(read.get('purpose')).toBe('batch');
  expect(file.name).toBe('a "b".jsonl');
  expect(await file.text()).toBe('one\r\n--two');
});
