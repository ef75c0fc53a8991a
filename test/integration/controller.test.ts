import { failure } from '@llm-engine/contracts';
import type { JobEvent } from '@llm-engine/contracts';
import { EngineController } from '@llm-engine/controller';
import { ExecutorRegistry, MockExecutor } from '@llm-engine/executors';
import { startWorker } from '@llm-engine/worker';
import { expect, inject, test } from 'vitest';
import { TestEngine, aborted, modelInfo, randomPrefix } from '../support/engine.ts';
import { CHAT, SILENT, chatChunk, chatCompletion, collect } from '../support/producer.ts';
import { RedisServer } from '../support/redis-server.ts';

const JOB = { endpoint: '/v1/chat/completions', body: CHAT } as const;
const UNKNOWN = 'job_0mabcdef0000123456789abcdef0';

function controllerOf(engine: TestEngine, options: { onEvent?: (event: JobEvent) => void } = {}): EngineController {
  return new EngineController(engine.connection, options);
}

test('with a mock executor a fine-tune is submitted, tracked and finished, and the system is healthy', async () => {
  const redisUrl = inject('redisUrl');
  const prefix = randomPrefix();
  const training = { steps: 2, stepMs: 1 };
  await using executors = new ExecutorRegistry([new MockExecutor({ models: [{ id: 'llama-2-7b', training }] })]);
  await using _worker = await startWorker({ redisUrl, prefix, executors, port: 0, logger: SILENT });
  await using controller = await EngineController.connect({ redisUrl, prefix });

  const { id } = await controller.submitFineTuneJob({
    baseModel: 'llama-2-7b',
    datasetPath: '/data/train.jsonl',
    outputPath: '/models/output',
  });
  const status = await controller.getJobStatus(id);
  const ended = await controller.waitForJob(id);
  const health = await controller.getSystemHealth();

  expect(status).toMatchObject({ id, kind: 'fine-tune', model: 'llama-2-7b' });
  expect(ended).toMatchObject({ id, state: 'succeeded', result: expect.anything() });
  expect(health).toMatchObject({ healthy: true, serviceId: 'controller' });
  expect(health.checks['executors:availability']).toMatchObject([{ componentId: 'mock', status: 'pass' }]);
});

test('an inference job is waited for by its id, and has its result', async () => {
  await using engine = await TestEngine.start();
  await engine.consume(() => Promise.resolve(chatCompletion('Hi')));
  const controller = controllerOf(engine);

  const { id } = await controller.submitInferenceJob({ ...JOB, metadata: { team: 'search' } });
  const ended = await controller.waitForJob(id);

  expect(ended).toMatchObject({ state: 'succeeded', metadata: { team: 'search' }, finishReason: 'stop' });
  expect(await controller.getJobStatus(id)).toEqual(ended);
});

test('many jobs of both kinds are submitted at once, in order', async () => {
  await using engine = await TestEngine.start();
  const controller = controllerOf(engine);

  const handles = await controller.submitJobs([
    { kind: 'fine-tune', baseModel: 'm', datasetPath: '/data/a.jsonl' },
    { kind: 'fine-tune', baseModel: 'm', datasetPath: '/data/b.jsonl', priority: 'bulk' },
    { kind: 'inference', ...JOB },
  ]);
  const jobs = await Promise.all(handles.map(({ id }) => controller.getJobStatus(id)));

  expect(jobs.map(({ kind, priority }) => [kind, priority])).toEqual([
    ['fine-tune', 'standard'],
    ['fine-tune', 'bulk'],
    ['inference', 'standard'],
  ]);
});

test('one bad job keeps all of them out', async () => {
  await using engine = await TestEngine.start();
  const controller = controllerOf(engine);

  const submitted = controller.submitJobs([
    { kind: 'inference', ...JOB },
    { kind: 'inference', ...JOB, delayMs: -1 },
  ]);

  await expect(submitted).rejects.toMatchObject({ code: 'invalid_request', message: expect.stringContaining('Job 1') });
  await expect(controller.listJobs()).resolves.toEqual({ jobs: [], hasMore: false });
});

test('chunks of a job are streamed, from the start and from where a reader left off', async () => {
  await using engine = await TestEngine.start();
  await engine.consume((lease) => {
    for (const text of ['one', 'two']) lease.publish(chatChunk(text));
    return Promise.resolve(chatCompletion('onetwo'));
  });
  const controller = controllerOf(engine);
  const { id } = await controller.submitInferenceJob({ ...JOB, body: { ...CHAT, stream: true } });

  const all = await collect(controller.streamJob(id));
  const rest = await collect(controller.streamJob(id, { after: 1 }));

  expect(all).toMatchObject([
    { type: 'chunk', seq: 1, chunk: chatChunk('one') },
    { type: 'chunk', seq: 2, chunk: chatChunk('two') },
    { type: 'end', record: { id, state: 'succeeded' } },
  ]);
  expect(rest).toEqual(all.slice(1));
});

test('a running job is cancelled', async () => {
  await using engine = await TestEngine.start();
  await engine.consume(async ({ signal }) => {
    await aborted(signal);
    return { kind: 'cancelled' };
  });
  const controller = controllerOf(engine);
  const { id } = await controller.submitInferenceJob(JOB);
  await engine.event(({ type }) => type === 'started');

  const cancelled = await controller.cancelJob(id);

  expect(cancelled).toMatchObject({ id, state: 'cancelled' });
  await engine.event(({ type }) => type === 'cancelled');
  await expect(controller.cancelJob(id)).rejects.toMatchObject({ code: 'job_already_finished' });
});

test('a failed job is tried again as a new job, once however often it is asked', async () => {
  await using engine = await TestEngine.start();
  let broken = true;
  await engine.consume(() =>
    Promise.resolve(broken ? { kind: 'failed', failure: failure('bad_request', 'No.') } : chatCompletion('Hi')),
  );
  const controller = controllerOf(engine);
  const { id } = await controller.submitInferenceJob(JOB);
  const failed = await controller.waitForJob(id);
  broken = false;

  const again = await controller.retryJob(id);
  const asked = await controller.retryJob(id);
  const ended = await controller.waitForJob(again.id);

  expect(failed).toMatchObject({ state: 'failed', error: { class: 'bad_request' } });
  expect(asked.id).toBe(again.id);
  expect(ended).toMatchObject({ state: 'succeeded', retryOf: id });
});

test('jobs are listed by what they are, page by page', async () => {
  await using engine = await TestEngine.start({ models: [modelInfo('m'), modelInfo('n')] });
  const controller = controllerOf(engine);
  const first = await controller.submitInferenceJob(JOB);
  const second = await controller.submitInferenceJob(JOB);
  const other = await controller.submitInferenceJob({ ...JOB, body: { ...CHAT, model: 'n' } });

  const page = await controller.listJobs({ model: 'm', limit: 1 });
  const next = await controller.listJobs({ model: 'm', limit: 1, after: second.id });

  expect(page).toMatchObject({ jobs: [{ id: second.id }], hasMore: true });
  expect(next).toMatchObject({ jobs: [{ id: first.id }], hasMore: false });
  await expect(controller.listJobs({ model: 'n' })).resolves.toMatchObject({ jobs: [{ id: other.id }] });
});

test.each([
  ['getJobStatus', (controller: EngineController) => controller.getJobStatus(UNKNOWN)],
  ['waitForJob', (controller: EngineController) => controller.waitForJob(UNKNOWN)],
  ['streamJob', (controller: EngineController) => controller.streamJob(UNKNOWN).next()],
  ['cancelJob', (controller: EngineController) => controller.cancelJob(UNKNOWN)],
  ['retryJob', (controller: EngineController) => controller.retryJob(UNKNOWN)],
])('%s of an unknown job says so', async (_name, ask) => {
  await using engine = await TestEngine.start();

  await expect(ask(controllerOf(engine))).rejects.toMatchObject({ code: 'job_not_found' });
});

test('waiting ends after its time, or when it is given up, and the job goes on', async () => {
  await using engine = await TestEngine.start();
  const controller = controllerOf(engine);
  const { id } = await controller.submitInferenceJob(JOB);

  await expect(controller.waitForJob(id, { timeoutMs: 10 })).rejects.toMatchObject({ code: 'wait_timeout' });
  await expect(controller.waitForJob(id, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');

  await expect(controller.getJobStatus(id)).resolves.toMatchObject({ state: 'queued' });
});

test('metrics say what was submitted and what waits, as text and as objects', async () => {
  await using engine = await TestEngine.start();
  const events: JobEvent[] = [];
  const controller = controllerOf(engine, { onEvent: (event) => events.push(event) });
  await controller.submitInferenceJob(JOB);

  const text = await controller.getMetrics();
  const objects = await controller.getMetricsJson();

  expect(text).toMatch(/^llm_engine_jobs_enqueued_total\{.*queue="inference\.default".*\} 1$/m);
  expect(text).toMatch(/^llm_engine_queue_jobs\{.*state="prioritized".*\} 1$/m);
  expect(objects).toContainEqual(expect.objectContaining({ name: 'llm_engine_jobs_enqueued_total' }));
  expect(events).toMatchObject([{ type: 'enqueued', model: 'm' }]);
});

test('without workers the system is impaired while nothing waits, and has failed when something does', async () => {
  await using engine = await TestEngine.start();
  const controller = controllerOf(engine);

  const idle = await controller.getSystemHealth();
  await controller.submitInferenceJob(JOB);
  const waiting = await controller.getSystemHealth();

  expect(idle).toMatchObject({ healthy: true, status: 'warn' });
  expect(waiting).toMatchObject({ healthy: false, status: 'fail' });
});

test('while Redis is down everything says so at once, and it works again without a new controller', async () => {
  await using redis = await RedisServer.start();
  await using engine = await TestEngine.start({ redisUrl: redis.url });
  await using controller = await EngineController.connect({ redisUrl: redis.url, prefix: engine.prefix });
  await redis.kill();

  await expect(controller.submitInferenceJob(JOB)).rejects.toMatchObject({ code: 'queue_unavailable' });
  await expect(controller.getJobStatus(UNKNOWN)).rejects.toMatchObject({ code: 'queue_unavailable' });
  await expect(controller.listJobs()).rejects.toMatchObject({ code: 'queue_unavailable' });
  await expect(controller.healthcheck()).resolves.toMatchObject({ healthy: false, reason: expect.any(String) });
  await expect(controller.getSystemHealth()).resolves.toMatchObject({ healthy: false, status: 'fail' });
  await expect(controller.getMetrics()).resolves.toMatch(/^llm_engine_redis_up(\{.*\})? 0$/m);
  await redis.start();

  await expect.poll(() => controller.healthcheck()).toEqual({ healthy: true });
  await expect(controller.listJobs()).resolves.toEqual({ jobs: [], hasMore: false });
});

test('a controller that cannot reach its Redis says so', async () => {
  await using redis = await RedisServer.start();
  await redis.kill();

  const connecting = EngineController.connect({ redisUrl: redis.url, connectTimeoutMs: 50 });

  await expect(connecting).rejects.toMatchObject({ code: 'queue_unavailable' });
});
