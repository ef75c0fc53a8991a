import { EventEmitter, once } from 'node:events';
import { BatchWorker } from '@llm-engine/batches';
import { PlannedJobs, TaskConsumer, TaskSender } from '@llm-engine/queue';
import type { TaskRun } from '@llm-engine/queue';
import { EventTable, GroupTable } from '@llm-engine/storage';
import { expect, test } from 'vitest';
import { TestBatches } from '../support/batches.ts';

const QUEUE = 'maintenance';
const SPAN_MS = 10_000;

/** What looks after batches, a task at a time, and the names of the tasks that it ran. */
async function scene() {
  await using starting = new AsyncDisposableStack();
  const engine = starting.use(await TestBatches.start());
  const { connection, redisUrl } = engine.engine;
  const tasks = new TaskSender(connection);
  const trouble: string[] = [];
  const worker = starting.use(
    new BatchWorker({
      batches: engine.table,
      chunks: engine.chunks,
      events: new EventTable(engine.database),
      groups: new GroupTable(engine.database),
      jobs: new PlannedJobs(connection),
      files: engine.files,
      objects: engine.objects,
      tasks,
      executors: { resolve: () => undefined },
      requireModel: () => Promise.reject(new Error('no model is asked for')),
      onEvent: (event) => event.type === 'trouble' && trouble.push(event.source),
      reconcileEveryMs: SPAN_MS,
    }),
  );
  const ran: string[] = [];
  const marks = new EventEmitter();
  const consumer = new TaskConsumer(connection, {
    redisUrl,
    queue: QUEUE,
    concurrency: 1,
    run: async (task: TaskRun) => {
      ran.push(task.name);
      if (task.name !== 'mark') return worker.run(task);
      marks.emit(task.id);
      return { kind: 'done' };
    },
    onTrouble: (error) => trouble.push(error.message),
  });
  starting.defer(() => consumer.close());
  await consumer.start();
  /** Resolves when whatever was added before has run. */
  const settled = async (id: string): Promise<void> => {
    const seen = once(marks, id);
    await tasks.add(QUEUE, [{ id, name: 'mark', data: {} }]);
    await seen;
  };
  const resources = starting.move();
  return { engine, worker, ran, trouble, settled, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

test('workers look after what has not ended once in a span of time, however many of them say that it is due', async () => {
  await using at = await scene();

  await at.worker.tick(0);
  await at.settled('first');
  await at.worker.tick(SPAN_MS / 2);
  await at.settled('second');
  await at.worker.tick(SPAN_MS);
  await at.settled('third');

  expect(at.ran).toEqual(['reconcile', 'mark', 'mark', 'reconcile', 'mark']);
});

test('a look that fails is told, and is not made again beside those that follow', async () => {
  await using at = await scene();
  await at.engine.database.pool.query('DROP TABLE events');

  await at.worker.tick(0);
  await at.settled('first');
  const left = await at.engine.engine.connection.queue(QUEUE).getJobCounts('waiting', 'prioritized', 'delayed');

  expect(at.ran).toEqual(['reconcile', 'mark']);
  expect(at.trouble).toEqual(['looking after what has not ended']);
  expect(left).toEqual({ waiting: 0, prioritized: 0, delayed: 0 });
});
