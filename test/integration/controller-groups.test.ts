import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { EngineController } from '@llm-engine/controller';
import type { BatchJob } from '@llm-engine/controller';
import { ExecutorRegistry, MockExecutor, createExecutors, parseEngineConfig } from '@llm-engine/executors';
import { startWorker } from '@llm-engine/worker';
import { expect, inject, test } from 'vitest';
import { chatLine, parseLines } from '../support/batches.ts';
import { TestEngine } from '../support/engine.ts';
import { startModelServer } from '../support/model-server.ts';
import { SILENT } from '../support/producer.ts';
import { TestStorage } from '../support/storage.ts';

const ENDPOINT = '/v1/chat/completions';
const UNKNOWN_GROUP = 'group_0mabcdef0000123456789abcdef0';
const UNKNOWN_BATCH = 'batch_0mabcdef0000123456789abcdef0';

function ask(content: string, settings: Partial<BatchJob> = {}): BatchJob {
  const body = { model: 'm', messages: [{ role: 'user', content }] };
  return { kind: 'inference', endpoint: ENDPOINT, body, ...settings } as BatchJob;
}

/** An engine with a storage, and a controller of it; a worker is started where there is something that runs models. */
async function scene(executors?: ExecutorRegistry) {
  await using starting = new AsyncDisposableStack();
  const engine = starting.use(await TestEngine.start());
  const { redisUrl, prefix } = engine;
  const storage = starting.use(await TestStorage.create());
  if (executors !== undefined) {
    starting.use(executors);
    starting.use(
      await startWorker({
        redisUrl,
        prefix,
        executors,
        storage: storage.settings,
        port: 0,
        graceMs: 0,
        logger: SILENT,
      }),
    );
  }
  const controller = starting.use(await EngineController.connect({ redisUrl, prefix, storage: storage.settings }));
  const resources = starting.move();
  return { storage, controller, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

test('a sweep is submitted as one, waited for, and names its best run', async () => {
  const training = { steps: 2, stepMs: 1 };
  await using at = await scene(new ExecutorRegistry([new MockExecutor({ models: [{ id: 'm', training }] })]));
  const seen: number[] = [];

  const sweep = await at.controller.submitBatch(
    [1, 2, 3].map((seed) => ({ kind: 'fine-tune', baseModel: 'm', datasetPath: '/data/train.jsonl', seed })),
    { metric: { name: 'metrics.train_loss', goal: 'min' }, metadata: { sweep: 'seeds' }, priority: 'bulk' },
  );
  const ended = await sweep.wait({ onProgress: ({ counts }) => seen.push(counts.succeeded) });
  const results = await Array.fromAsync(sweep.results());

  expect(ended).toMatchObject({ state: 'completed', counts: { total: 3, succeeded: 3 }, metadata: { sweep: 'seeds' } });
  expect(seen.at(-1)).toBe(3);
  expect(results.map(({ id, priority }) => [id, priority])).toEqual(sweep.jobs.map(({ id }) => [id, 'bulk']));
  const losses = results.map((job) =>
    'result' in job ? (job.result as { metrics: { train_loss: number } }).metrics.train_loss : NaN,
  );
  expect(ended.best?.value).toBe(Math.min(...losses));
  expect(ended.best?.jobId).toBe(results[losses.indexOf(Math.min(...losses))]?.id);
});

test('a group is cancelled as one, found again by its id, and tried again', async () => {
  await using at = await scene();
  const { id } = await at.controller.submitBatch([ask('a'), ask('b')]);

  const group = await at.controller.group(id);
  const cancelled = await group.cancel();
  const again = await group.retry();

  expect(cancelled).toMatchObject({ id, state: 'cancelled', counts: { cancelled: 2 } });
  expect(await Promise.all(group.jobs.map(async (job) => (await job.status()).state))).toEqual([
    'cancelled',
    'cancelled',
  ]);
  expect(await again.status()).toMatchObject({ retryOf: id, state: 'running', counts: { total: 2 } });
});

test('the same jobs with the same key are the same group', async () => {
  await using at = await scene();
  const jobs = [ask('a', { delayMs: 60_000 })];

  const one = await at.controller.submitBatch(jobs, { idempotencyKey: 'k' });
  const same = await at.controller.submitBatch(jobs, { idempotencyKey: 'k' });

  expect(same.id).toBe(one.id);
});

test('one bad job keeps the whole group out', async () => {
  await using at = await scene();

  const submitted = at.controller.submitBatch([ask('a'), ask('b', { delayMs: -1 })]);

  await expect(submitted).rejects.toMatchObject({ code: 'invalid_request', message: expect.stringContaining('Job 1') });
  await expect(at.controller.listJobs()).resolves.toEqual({ jobs: [], hasMore: false });
});

test('a file of requests runs as a batch: its results, its failed lines, and another try of them', async () => {
  await using server = await startModelServer({ models: ['m'] });
  const config = parseEngineConfig(`models: { m: { executor: openai, endpoints: [${server.url}] } }`, 'engine.yaml');
  await using at = await scene(createExecutors(config, { env: {} }));
  const error = { message: 'no such tool', type: 'invalid_request_error', param: 'tools', code: 'bad_tool' };
  const folder = await mkdtemp(join(tmpdir(), 'llm-engine-controller-'));
  await using _folder = { [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
  const file = join(folder, 'requests.jsonl');
  await writeFile(file, chatLine('good') + chatLine('bad', { behaviour: { kind: 'status', status: 422, error } }));

  const batch = await at.controller.submitBatch({ file, endpoint: ENDPOINT, metadata: { for: 'test' } });
  const ended = await batch.wait();
  const output = parseLines(await text(await batch.output()));
  const errors = parseLines(await text(await batch.errors()));
  const again = await batch.retry();
  const retried = await again.wait();

  expect(ended).toMatchObject({
    status: 'completed',
    completion_window: '24h',
    priority: 'bulk',
    metadata: { for: 'test' },
    request_counts: { total: 2, completed: 1, failed: 1 },
  });
  expect(output).toMatchObject([{ custom_id: 'good', response: { status_code: 200 } }]);
  expect(errors).toMatchObject([{ custom_id: 'bad', response: { status_code: 422, body: { error } } }]);
  expect(retried).toMatchObject({ retry_of: batch.id, request_counts: { total: 1, failed: 1 } });
});

test('a batch of a stream is paused, resumed, found again by its id, and cancelled', async () => {
  await using at = await scene();
  async function* source(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(chatLine('a'));
  }
  const { id } = await at.controller.submitBatch({ file: source(), endpoint: ENDPOINT, completionWindow: '2h' });

  const batch = await at.controller.batch(id);
  const paused = await batch.pause();
  const resumed = await batch.resume();
  const cancelled = await batch.cancel();

  expect(paused).toMatchObject({ id, completion_window: '2h', paused_at: expect.any(Number) });
  expect([resumed.paused_at, cancelled.status]).toEqual([null, 'cancelling']);
  expect(await text(await batch.errors())).toBe('');
});

test('a batch that is refused leaves no file', async () => {
  await using at = await scene();
  async function* source(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(chatLine('a'));
  }

  const refused = at.controller.submitBatch({ file: source(), endpoint: ENDPOINT, completionWindow: 'soon' });

  await expect(refused).rejects.toMatchObject({ code: 'invalid_request', param: 'completion_window' });
  expect(await at.storage.stored()).toEqual([]);
});

test('a file that cannot be read is named', async () => {
  await using at = await scene();

  const refused = at.controller.submitBatch({ file: '/nowhere/requests.jsonl', endpoint: ENDPOINT });

  await expect(refused).rejects.toMatchObject({
    code: 'invalid_request',
    message: expect.stringMatching("'/nowhere/requests.jsonl'.*ENOENT"),
  });
});

test('groups and batches that are not there are not found', async () => {
  await using at = await scene();

  await expect(at.controller.group(UNKNOWN_GROUP)).rejects.toMatchObject({ code: 'group_not_found' });
  await expect(at.controller.batch(UNKNOWN_BATCH)).rejects.toMatchObject({ code: 'batch_not_found' });
});

test('without a storage there are neither groups nor batches, and the error says what to give', async () => {
  await using engine = await TestEngine.start();
  await using controller = await EngineController.connect({ redisUrl: engine.redisUrl, prefix: engine.prefix });

  const refusals = [
    controller.submitBatch([ask('a')]),
    controller.submitBatch({ file: 'requests.jsonl', endpoint: ENDPOINT }),
    controller.group(UNKNOWN_GROUP),
    controller.batch(UNKNOWN_BATCH),
  ];

  for (const refused of await Promise.allSettled(refusals)) {
    expect(refused).toMatchObject({
      reason: { code: 'storage_not_configured', message: expect.stringMatching('databaseUrl') },
    });
  }
});

test('a database that does not answer refuses the connection in time', async () => {
  const storage = { databaseUrl: 'postgres://127.0.0.1:1/engine', storageUrl: tmpdir() };

  const connecting = EngineController.connect({ redisUrl: inject('redisUrl'), storage, connectTimeoutMs: 100 });

  await expect(connecting).rejects.toMatchObject({ code: 'storage_unavailable' });
});
