import { rm } from 'node:fs/promises';
import { startProducer } from '@llm-engine/producer';
import { InternalServerError } from 'openai';
import { expect, inject, test } from 'vitest';
import { AppProcess } from '../support/app-process.ts';
import { randomPrefix } from '../support/engine.ts';
import { uploadParts } from '../support/multipart.ts';
import { FAST, PostgresServer } from '../support/postgres-server.ts';
import { CHAT, SILENT, TestProducer, chatCompletion, refusalOf } from '../support/producer.ts';
import type { Answer, ProducerClient } from '../support/producer.ts';
import { TestStorage } from '../support/storage.ts';

const FILE = 'file-0mabcdef0000123456789abcdef0';
const BATCH = 'batch_0mabcdef0000123456789abcdef0';
const REQUEST = { input_file_id: FILE, endpoint: '/v1/chat/completions', completion_window: '24h' };
const REQUESTS = [
  ['GET', '/v1/files', undefined],
  ['GET', `/v1/files/${FILE}`, undefined],
  ['DELETE', `/v1/files/${FILE}`, undefined],
  ['GET', `/v1/files/${FILE}/content`, undefined],
  ['GET', '/v1/batches', undefined],
  ['POST', '/v1/batches', JSON.stringify(REQUEST)],
  ['GET', `/v1/batches/${BATCH}`, undefined],
  ['POST', `/v1/batches/${BATCH}/cancel`, undefined],
  ['POST', `/v1/batches/${BATCH}/pause`, undefined],
  ['POST', `/v1/batches/${BATCH}/resume`, undefined],
  ['POST', `/v1/batches/${BATCH}/retry`, undefined],
  ['GET', `/v1/batches/${BATCH}/output`, undefined],
] as const;

/** What every route of files and batches answers. */
async function askAll(producer: ProducerClient): Promise<readonly (readonly [what: string, answer: Answer])[]> {
  const answers: (readonly [string, Answer])[] = [];
  for (const [method, path, body] of REQUESTS) {
    const headers: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
    const answer = await producer.request(path, { method, headers, ...(body !== undefined && { body }) });
    answers.push([`${method} ${path}`, answer]);
  }
  const upload = await uploadParts(producer, [
    ['file', new Uint8Array(1_000_000), 'a.jsonl'],
    ['purpose', 'batch'],
  ]);
  return [...answers, ['POST /v1/files', upload]];
}

test('without storage the routes of files and batches say which settings to make, and the others work', async () => {
  await using producer = await TestProducer.start({ runJob: () => Promise.resolve(chatCompletion('Hi')) });

  const answers = await askAll(producer);
  const chat = await producer.openai.chat.completions.create(CHAT);
  const ready = await producer.get('/readyz');

  for (const [what, { status, body, headers }] of answers) {
    expect.soft(status, what).toBe(501);
    expect.soft(headers.get('x-should-retry'), what).toBe('false');
    expect.soft(body, what).toMatchObject({ error: { type: 'server_error', code: 'storage_not_configured' } });
    expect.soft(JSON.stringify(body), what).toMatch(/DATABASE_URL.*STORAGE_URL/);
  }
  expect(chat.choices[0]?.message.content).toBe('Hi');
  expect(ready.body).toEqual({ status: 'ok' });
});

test('a producer starts before its database, says so, and serves files as soon as it is there', async () => {
  await using postgres = await PostgresServer.start(FAST);
  await postgres.stop();
  await using storage = await TestStorage.create({ databaseUrl: postgres.url });
  await using producer = await TestProducer.start({
    storage: storage.settings,
    runJob: () => Promise.resolve(chatCompletion('Hi')),
  });

  const early = await askAll(producer);
  const ready = await producer.get('/readyz');
  const chat = await producer.openai.chat.completions.create(CHAT);
  await postgres.start();
  await expect.poll(async () => (await producer.get('/v1/files')).status, { timeout: 10_000 }).toBe(200);
  const readyLater = await producer.get('/readyz');

  for (const [what, { status, body, headers }] of early) {
    expect.soft(status, what).toBe(503);
    expect.soft(headers.get('retry-after'), what).toBe('1');
    expect.soft(body, what).toMatchObject({ error: { type: 'server_error', code: 'storage_unavailable' } });
  }
  expect(ready).toMatchObject({
    status: 200,
    body: { status: 'ok', reason: 'the storage of files and batches is out of reach' },
  });
  expect(chat.choices[0]?.message.content).toBe('Hi');
  expect(readyLater.body).toEqual({ status: 'ok' });
});

test("while the database is down files and batches are answered with 503, and OpenAI's client gets through when it is back", async () => {
  await using postgres = await PostgresServer.start();
  await using storage = await TestStorage.create({ databaseUrl: postgres.url });
  await using producer = await TestProducer.start({ storage: storage.settings });
  const file = await producer.openai.files.create({ file: new File(['a'], 'a.jsonl'), purpose: 'batch' });
  await postgres.kill();

  const answers = await askAll(producer);
  const ready = await producer.get('/readyz');
  const refused = await refusalOf(producer.openai.files.retrieve(file.id));
  await postgres.start();
  const found = await producer.client({ maxRetries: 10 }).files.retrieve(file.id);

  for (const [what, { status, body, headers }] of answers) {
    expect.soft(status, what).toBe(503);
    expect.soft(headers.get('retry-after'), what).toBe('1');
    expect.soft(body, what).toMatchObject({ error: { code: 'storage_unavailable' } });
  }
  expect(ready.body).toMatchObject({ status: 'ok', reason: 'the storage of files and batches is out of reach' });
  expect(refused).toBeInstanceOf(InternalServerError);
  expect(found).toEqual(file);
});

test('while the object store is down files are answered with 503, which says nothing of where it is', async () => {
  await using storage = await TestStorage.create();
  await using producer = await TestProducer.start({ storage: storage.settings });
  const { id } = await producer.openai.files.create({ file: new File(['a'], 'a.jsonl'), purpose: 'batch' });
  await rm(storage.settings.storageUrl, { recursive: true });

  const content = await producer.get(`/v1/files/${id}/content`);
  const upload = await uploadParts(producer, [
    ['file', new Uint8Array(1_000_000), 'a.jsonl'],
    ['purpose', 'batch'],
  ]);
  const found = await producer.get(`/v1/files/${id}`);

  for (const { status, body, headers } of [content, upload]) {
    expect(status).toBe(503);
    expect(headers.get('retry-after')).toBe('1');
    expect(body).toMatchObject({
      error: { code: 'storage_unavailable', message: expect.not.stringContaining(storage.settings.storageUrl) },
    });
  }
  expect(found.status).toBe(200);
});

test('a database that hangs holds no probe up', async () => {
  await using postgres = await PostgresServer.start(FAST);
  await using storage = await TestStorage.create({ databaseUrl: postgres.url });
  await using producer = await TestProducer.start({ storage: storage.settings });
  await producer.get('/v1/files');
  await postgres.hang();

  const startedAt = performance.now();
  const ready = await producer.get('/readyz');
  const took = performance.now() - startedAt;
  await postgres.resume();

  expect(ready.body).toMatchObject({ status: 'ok', reason: 'the storage of files and batches is out of reach' });
  expect(took).toBeLessThan(2_000);
});

test.each([
  ['a database that there is not', (url: string) => new URL('/nowhere', url).href, 'DATABASE_URL'],
  ['a user who is not known', (url: string) => url.replace(/\/\/[^@]*@/, '//nobody:none@'), 'DATABASE_URL'],
  ['a URL of something else', () => 'https://localhost/engine', 'DATABASE_URL'],
])('%s ends the start, with the setting to change', async (_what, databaseUrl, setting) => {
  await using storage = await TestStorage.create({ databaseUrl: databaseUrl(inject('databaseUrl')) });

  const start = startProducer({
    redisUrl: inject('redisUrl'),
    prefix: randomPrefix(),
    storage: storage.settings,
    port: 0,
    logger: SILENT,
  });

  await expect(start).rejects.toMatchObject({
    code: 'invalid_config',
    message: expect.stringContaining(setting),
  });
});

test('an object store that there cannot be ends the start, with the setting to change', async () => {
  const storage = { databaseUrl: inject('databaseUrl'), storageUrl: 'ftp://files' };

  const start = startProducer({
    redisUrl: inject('redisUrl'),
    prefix: randomPrefix(),
    storage,
    port: 0,
    logger: SILENT,
  });

  await expect(start).rejects.toMatchObject({
    code: 'invalid_config',
    message: expect.stringContaining('STORAGE_URL'),
  });
});

test('a process with one of the two settings does not start', async () => {
  await using producer = new AppProcess('producer', {
    REDIS_URL: inject('redisUrl'),
    PRODUCER_PORT: '0',
    DATABASE_URL: inject('databaseUrl'),
    STORAGE_URL: '',
  });

  expect(await producer.ended()).toBe(1);
});
