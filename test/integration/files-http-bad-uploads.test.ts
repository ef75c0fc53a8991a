import { expect, test } from 'vitest';
import { multipartText, uploadParts } from '../support/multipart.ts';
import type { FormPart } from '../support/multipart.ts';
import { CHAT, TestProducer } from '../support/producer.ts';
import { TestStorage } from '../support/storage.ts';

const FILE: FormPart = ['file', 'a line\n', 'input.jsonl'];
const PURPOSE: FormPart = ['purpose', 'batch'];
const ANCHOR: FormPart = ['expires_after[anchor]', 'created_at'];
const MAX_BYTES = 1_000;

async function scene() {
  await using starting = new AsyncDisposableStack();
  const storage = starting.use(await TestStorage.create());
  const producer = starting.use(
    await TestProducer.start({ storage: storage.settings, maxFileBytes: MAX_BYTES, bodyLimit: 200 }),
  );
  const resources = starting.move();
  const left = async () => ({ list: (await producer.get('/v1/files')).body, stored: await storage.stored() });
  return { producer, left, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

const NOTHING = { list: expect.objectContaining({ data: [] }), stored: [] };

test.each<[what: string, parts: FormPart[], param: string]>([
  ['no file', [PURPOSE], 'file'],
  ['no purpose', [FILE], 'purpose'],
  ['a purpose that there is not', [FILE, ['purpose', 'fun']], 'purpose'],
  ['a purpose of files that the engine makes', [FILE, ['purpose', 'batch_output']], 'purpose'],
  ['two files', [FILE, FILE, PURPOSE], 'file'],
  ['two purposes', [FILE, PURPOSE, PURPOSE], 'purpose'],
  ['a file that is sent as text', [['file', 'a line'], PURPOSE], 'file'],
  ['a purpose that is sent as a file', [FILE, ['purpose', 'batch', 'purpose.txt']], 'purpose'],
  ['a field that there is not', [FILE, PURPOSE, ['title', 'Mine']], 'title'],
  ['a file under another name', [FILE, PURPOSE, ['second', 'a', 'b.jsonl']], 'second'],
  ['a field named like a prototype', [FILE, PURPOSE, ['constructor', 'x']], null as unknown as string],
  ['a text without end', [FILE, ['purpose', 'x'.repeat(5_000)]], 'purpose'],
  ['an expiry without an anchor', [FILE, PURPOSE, ['expires_after[seconds]', '3600']], 'expires_after.anchor'],
  ['an expiry without a time', [FILE, PURPOSE, ANCHOR], 'expires_after.seconds'],
  [
    'an expiry from another time on',
    [FILE, PURPOSE, ['expires_after[anchor]', 'now'], ['expires_after[seconds]', '3600']],
    'expires_after.anchor',
  ],
  ['an expiry that is too soon', [FILE, PURPOSE, ANCHOR, ['expires_after[seconds]', '60']], 'expires_after.seconds'],
  ['an expiry that is no number', [FILE, PURPOSE, ANCHOR, ['expires_after[seconds]', '1h']], 'expires_after.seconds'],
])('an upload with %s is refused, and nothing is left of it', async (_what, parts, param) => {
  await using at = await scene();

  const { status, body } = await uploadParts(at.producer, parts);

  expect(body).toMatchObject({ error: { code: 'invalid_request', type: 'invalid_request_error', param } });
  expect(status).toBe(400);
  expect(await at.left()).toEqual(NOTHING);
});

test('a file larger than the limit is refused, and nothing is left of it', async () => {
  await using at = await scene();

  const refused = await uploadParts(at.producer, [['file', 'x'.repeat(MAX_BYTES + 1), 'a.jsonl'], PURPOSE]);
  const large = await uploadParts(at.producer, [['file', new Uint8Array(5_000_000), 'a.jsonl'], PURPOSE]);
  const left = await at.left();
  const taken = await uploadParts(at.producer, [['file', 'x'.repeat(MAX_BYTES), 'a.jsonl'], PURPOSE]);

  for (const { status, body } of [refused, large]) {
    expect(status).toBe(413);
    expect(body).toMatchObject({ error: { code: 'file_too_large', message: expect.stringContaining('1000') } });
  }
  expect(left).toEqual(NOTHING);
  expect(taken.status).toBe(200);
});

test('a file may be larger than a JSON body, whose limit stays what it is', async () => {
  await using at = await scene();

  const file = await uploadParts(at.producer, [['file', 'x'.repeat(900), 'a.jsonl'], PURPOSE]);
  const json = await at.producer.post('/v1/chat/completions', { ...CHAT, user: 'x'.repeat(900) });

  expect(file.status).toBe(200);
  expect(json).toMatchObject({ status: 413, body: { error: { code: 'request_too_large' } } });
});

test.each([
  ['JSON', { 'content-type': 'application/json' }, '{"purpose":"batch"}', 415, 'unsupported_media_type'],
  ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 'purpose=batch', 415, 'unsupported_media_type'],
  ['nothing', {}, undefined, 415, 'unsupported_media_type'],
  ['multipart without a boundary', { 'content-type': 'multipart/form-data' }, 'x', 400, 'invalid_request'],
  ['multipart without a part', { 'content-type': 'multipart/form-data; boundary=b' }, '', 400, 'invalid_request'],
  ['multipart that is none', { 'content-type': 'multipart/form-data; boundary=b' }, 'hello', 400, 'invalid_request'],
  [
    'multipart that ends within the file',
    { 'content-type': 'multipart/form-data; boundary=b' },
    multipartText('b', ['Content-Disposition: form-data; name="file"; filename="a"\n\nsome']),
    400,
    'invalid_request',
  ],
  [
    'multipart that ends within the headers of a part',
    { 'content-type': 'multipart/form-data; boundary=b' },
    '--b\r\nContent-Disposition: form-data; na',
    400,
    'invalid_request',
  ],
  [
    'multipart whose parts have no names',
    { 'content-type': 'multipart/form-data; boundary=b' },
    `${multipartText('b', ['Content-Type: text/plain\n\nbatch'])}--b--\r\n`,
    400,
    'invalid_request',
  ],
] as const)('%s instead of an upload is refused in words', async (_what, headers, body, status, code) => {
  await using at = await scene();

  const init = { method: 'POST', headers, ...(body !== undefined && { body }) };
  const answer = await at.producer.request('/v1/files', init);

  expect(answer.status).toBe(status);
  expect(answer.body).toMatchObject({ error: { code, type: 'invalid_request_error' } });
  expect(await at.left()).toEqual(NOTHING);
});

test('a connection on which an upload was refused takes the next request', async () => {
  await using at = await scene();
  const large: FormPart = ['file', new Uint8Array(3_000_000), 'a.jsonl'];

  const answers = [];
  for (const parts of [
    [large, PURPOSE],
    [FILE, ['purpose', 'fun'] as const],
    [FILE, PURPOSE],
  ]) {
    answers.push(await uploadParts(at.producer, parts));
  }

  expect(answers.map(({ status }) => status)).toEqual([413, 400, 200]);
});
