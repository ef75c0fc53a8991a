import { ExecutorRegistry, MockExecutor } from '@llm-engine/executors';
import { WORKER_DEAD_MS } from '@llm-engine/queue';
import type { WorkerSeen } from '@llm-engine/queue';
import { expect, inject, test } from 'vitest';
import { TestEngine, chat, modelInfo } from '../support/engine.ts';
import { WorkerProcess } from '../support/worker-process.ts';
import { workerOf } from '../support/worker.ts';

const redisUrl = inject('redisUrl');
const HOUR_MS = 3_600_000;

/** The only worker that is listed. */
async function onlyWorker({ inspector }: TestEngine, now?: number): Promise<WorkerSeen> {
  const [worker, ...others] = await inspector.workers(now);
  if (worker === undefined || others.length > 0) throw new Error(`not one worker: ${others.length} others`);
  return worker;
}

test('a worker is listed with what it does, and is gone at once when it stops', async () => {
  await using engine = await TestEngine.start();
  await using executors = new ExecutorRegistry([new MockExecutor()]);
  const worker = await workerOf(engine, executors, { pools: ['default', 'large'], concurrency: 7 });

  const seen = await onlyWorker(engine);
  await worker.close();

  expect(seen).toMatchObject({
    id: worker.id,
    alive: true,
    draining: false,
    pid: process.pid,
    pools: ['default', 'large'],
    executors: [{ executor: 'mock', status: 'pass' }],
  });
  expect(seen.queues).toEqual([
    { queue: 'inference.default', slots: 7, busy: 0, jobs: [] },
    { queue: 'inference.large', slots: 7, busy: 0, jobs: [] },
    { queue: 'fine-tune', slots: 1, busy: 0, jobs: [] },
  ]);
  expect(seen.memoryBytes).toBeGreaterThan(1e6);
  expect(seen.beatAt).toBeGreaterThanOrEqual(seen.startedAt);
  expect(await engine.inspector.workers()).toEqual([]);
});

test('a heartbeat names the jobs that run', async () => {
  await using engine = await TestEngine.start({ models: [modelInfo('mock')] });
  await using executors = new ExecutorRegistry([new MockExecutor()]);
  await using _worker = await workerOf(engine, executors);
  const body = { model: 'mock', messages: [{ role: 'user', content: 'Hi' }], mock: { case: 'hang' } };

  const { id } = await engine.producer.submit(chat('x', { body }));

  const busy = async () => (await onlyWorker(engine)).queues[0];
  await expect.poll(busy, { timeout: 10_000 }).toMatchObject({ busy: 1, jobs: [id] });
});

test('a worker that was killed counts as dead by its age, and is forgotten after an hour', async () => {
  await using engine = await TestEngine.start();
  await using worker = await WorkerProcess.start({ redisUrl, prefix: engine.prefix });
  await expect.poll(() => engine.inspector.workers()).toHaveLength(1);

  worker.signal('SIGKILL');
  await worker.ended();
  const { beatAt } = await onlyWorker(engine);

  expect(await onlyWorker(engine, beatAt + WORKER_DEAD_MS - 1)).toMatchObject({ alive: true });
  expect(await onlyWorker(engine, beatAt + WORKER_DEAD_MS)).toMatchObject({ alive: false });
  expect(await engine.inspector.workers(beatAt + HOUR_MS + 1)).toEqual([]);
});

test('a worker that hangs counts as dead by its age, and is alive again when it goes on', async () => {
  await using engine = await TestEngine.start();
  await using worker = await WorkerProcess.start({ redisUrl, prefix: engine.prefix });
  await expect.poll(() => engine.inspector.workers()).toHaveLength(1);

  worker.signal('SIGSTOP');
  const { id, beatAt } = await onlyWorker(engine);
  const hung = await onlyWorker(engine, beatAt + WORKER_DEAD_MS);
  worker.signal('SIGCONT');
  const beat = async (): Promise<number> => (await onlyWorker(engine)).beatAt;
  await expect.poll(beat, { timeout: 15_000 }).toBeGreaterThan(beatAt);

  expect(hung).toMatchObject({ id, alive: false });
  expect(await onlyWorker(engine)).toMatchObject({ id, alive: true });
});
