import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { OpenAIFile } from '@llm-engine/contracts';
import { expect, test } from 'vitest';
import { uploadParts } from '../support/multipart.ts';
import type { FormPart } from '../support/multipart.ts';
import { TestProducer } from '../support/producer.ts';
import { TestStorage } from '../support/storage.ts';

const FILE: FormPart = ['file', 'a line\n', 'input.jsonl'];

interface FileList {
  readonly data: readonly OpenAIFile[];
  readonly has_more: boolean;
  readonly first_id: string | null;
  readonly last_id: string | null;
}

async function upload(producer: TestProducer, parts: readonly FormPart[] = [FILE, ['purpose', 'batch']]) {
  const { status, body } = await uploadParts(producer, parts);
  expect(status).toBe(200);
  return body as OpenAIFile;
}

test('a file is taken whichever part comes first, and its bytes come back as they were', async () => {
  await using storage = await TestStorage.create();
  await using producer = await TestProducer.start({ storage: storage.settings });
  const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => index % 251);

  const file = await upload(producer, [
    ['file', bytes, 'Daten ä日.bin'],
    ['purpose', 'user_data'],
    ['expires_after[anchor]', 'created_at'],
    ['expires_after[seconds]', '3600'],
  ]);
  const reversed = await upload(producer, [['purpose', 'fine-tune'], FILE]);
  const shown = await producer.get(`/v1/files/${file.id}`);
  const content = await fetch(`${producer.url}/v1/files/${file.id}/content`);

  expect(file).toEqual({
    id: expect.stringMatching(/^file-/),
    object: 'file',
    bytes: 100_000,
    created_at: expect.any(Number),
    filename: 'Daten ä日.bin',
    purpose: 'user_data',
    status: 'processed',
    expires_at: file.created_at + 3_600,
  });
  expect(shown.body).toEqual(file);
  expect(reversed).toMatchObject({ purpose: 'fine-tune', filename: 'input.jsonl', bytes: 7 });
  expect(reversed).not.toHaveProperty('expires_at');
  expect(content.headers.get('content-length')).toBe('100000');
  expect(content.headers.get('content-type')).toBe('application/octet-stream');
  expect(content.headers.get('content-disposition')).toContain("filename*=UTF-8''Daten%20%C3%A4%E6%97%A5.bin");
  expect(await content.bytes()).toEqual(bytes);
});

test('an empty file is a file', async () => {
  await using storage = await TestStorage.create();
  await using producer = await TestProducer.start({ storage: storage.settings });

  const file = await upload(producer, [
    ['file', '', 'empty.jsonl'],
    ['purpose', 'batch'],
  ]);
  const content = await producer.get(`/v1/files/${file.id}/content`);

  expect(file.bytes).toBe(0);
  expect(content).toMatchObject({ status: 200, body: '' });
});

test('files are listed newest first or oldest first, by purpose, page by page', async () => {
  await using storage = await TestStorage.create();
  await using producer = await TestProducer.start({ storage: storage.settings });
  const ids: string[] = [];
  for (const purpose of ['batch', 'evals', 'batch', 'batch'])
    ids.push((await upload(producer, [FILE, ['purpose', purpose]])).id);
  const [first = '', second = '', third = '', fourth = ''] = ids;
  const list = async (query: string): Promise<FileList> => {
    const answer = await producer.get(`/v1/files${query}`);
    expect(answer.status).toBe(200);
    return answer.body as FileList;
  };
  const idsOf = ({ data }: FileList) => data.map(({ id }) => id);

  const all = await list('');
  const oldestFirst = await list('?order=asc&limit=2');
  const next = await list(`?order=asc&limit=2&after=${second}`);
  const ofPurpose = await list('?purpose=batch');
  await producer.request(`/v1/files/${third}`, { method: 'DELETE' });
  const afterDeleted = await list(`?after=${third}`);

  expect(all).toMatchObject({ object: 'list', has_more: false, first_id: fourth, last_id: first });
  expect(idsOf(all)).toEqual([fourth, third, second, first]);
  expect(oldestFirst).toMatchObject({ has_more: true, last_id: second });
  expect(idsOf(next)).toEqual([third, fourth]);
  expect(next.has_more).toBe(false);
  expect(idsOf(ofPurpose)).toEqual([fourth, third, first]);
  expect(idsOf(afterDeleted)).toEqual([second, first]);
});

test.each([
  ['?after=17', 'after'],
  ['?after=batch_1', 'after'],
  ['?limit=0', 'limit'],
  ['?limit=10001', 'limit'],
  ['?order=newest', 'order'],
  ['?purpose=fun', 'purpose'],
  ['?after=file-1&after=file-2', 'after'],
  ['?before=file-1', null],
])('a list of files that cannot be had (%s) says what is wrong', async (query, param) => {
  await using storage = await TestStorage.create();
  await using producer = await TestProducer.start({ storage: storage.settings });

  const { status, body } = await producer.get(`/v1/files${query}`);

  expect(status).toBe(400);
  expect(body).toMatchObject({ error: { code: 'invalid_request', param } });
});

test('a deleted file is gone, and so are its bytes', async () => {
  await using storage = await TestStorage.create();
  await using producer = await TestProducer.start({ storage: storage.settings });
  const { id } = await upload(producer);

  const deleted = await producer.request(`/v1/files/${id}`, { method: 'DELETE' });
  const left = await storage.stored();
  const looks = await Promise.all([
    producer.get(`/v1/files/${id}`),
    producer.get(`/v1/files/${id}/content`),
    producer.request(`/v1/files/${id}`, { method: 'DELETE' }),
    producer.get('/v1/files/file-%2e%2e%2fetc'),
    producer.get('/v1/files/file-%00'),
    producer.request('/v1/files/file-%00', { method: 'DELETE' }),
  ]);

  expect(deleted.body).toEqual({ id, object: 'file', deleted: true });
  expect(left).toEqual([]);
  for (const look of looks) expect(look).toMatchObject({ status: 404, body: { error: { code: 'file_not_found' } } });
});

test('a file that a batch reads is not deleted before the end of the batch', async () => {
  await using storage = await TestStorage.create();
  await using producer = await TestProducer.start({ storage: storage.settings });
  const { id } = await upload(producer);
  const request = { input_file_id: id, endpoint: '/v1/chat/completions', completion_window: '24h' };
  const batch = await producer.post('/v1/batches', request);
  expect(batch.status).toBe(200);

  const refused = await producer.request(`/v1/files/${id}`, { method: 'DELETE' });

  expect(refused).toMatchObject({ status: 409, body: { error: { code: 'file_in_use' } } });
  expect(refused.headers.get('x-should-retry')).toBe('false');
});

test('a file whose bytes were lost is an error that says nothing of where they were', async () => {
  await using storage = await TestStorage.create();
  await using producer = await TestProducer.start({ storage: storage.settings });
  const { id } = await upload(producer);
  await rm(join(storage.settings.storageUrl, 'files'), { recursive: true });

  const { status, body, headers } = await producer.get(`/v1/files/${id}/content`);

  expect(status).toBe(500);
  expect(headers.get('content-disposition')).toBeNull();
  expect(body).toMatchObject({
    error: { code: 'object_missing', message: expect.not.stringContaining(storage.settings.storageUrl) },
  });
});
