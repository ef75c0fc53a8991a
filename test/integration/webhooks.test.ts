import { BatchWorker, WebhookSender } from '@llm-engine/batches';
import type { WebhookSenderOptions } from '@llm-engine/batches';
import type { BatchEvent } from '@llm-engine/contracts';
import { ExecutorRegistry, MockExecutor } from '@llm-engine/executors';
import { MAINTENANCE_QUEUE, PlannedJobs, TaskConsumer, TaskSender } from '@llm-engine/queue';
import type { TaskOutcome } from '@llm-engine/queue';
import { EventTable, GroupTable } from '@llm-engine/storage';
import type { EventRow } from '@llm-engine/storage';
import OpenAI from 'openai';
import { expect, test } from 'vitest';
import { TestBatches, chatLine } from '../support/batches.ts';
import { WebhookReceiver } from '../support/webhook-receiver.ts';
import { workerOf } from '../support/worker.ts';

const KEY = Buffer.alloc(32, 7).toString('base64');
const SECRET = `whsec_${KEY}`;
const QUICK = { baseMs: 5, capMs: 20, timeoutMs: 2_000 };
const DAY_MS = 24 * 3_600_000;
const NEVER = new AbortController().signal;

const { webhooks } = new OpenAI({ apiKey: 'none' });

type WebhookEvent = Extract<BatchEvent, { type: 'webhook' }>;

/** What a worker has to tell webhooks, and what it reports. */
class Teller implements AsyncDisposable {
  readonly events: EventTable;
  readonly worker: BatchWorker;
  readonly reports: WebhookEvent[] = [];
  readonly #consumer: TaskConsumer;
  readonly #waiting = new Set<() => void>();

  constructor(
    { engine, table, chunks, database, files, objects }: TestBatches,
    options?: Partial<WebhookSenderOptions>,
  ) {
    this.events = new EventTable(database);
    const onEvent = (event: BatchEvent): void => {
      if (event.type === 'webhook') this.reports.push(event);
      for (const look of this.#waiting) look();
    };
    const webhook =
      options &&
      new WebhookSender({ url: '', secret: SECRET, events: this.events, onEvent, patience: QUICK, ...options });
    this.worker = new BatchWorker({
      batches: table,
      chunks,
      events: this.events,
      groups: new GroupTable(database),
      jobs: new PlannedJobs(engine.connection),
      files,
      objects,
      tasks: new TaskSender(engine.connection),
      executors: { resolve: () => undefined },
      requireModel: () => Promise.reject(new Error('no model is needed')),
      onEvent,
      ...(webhook && { webhook }),
    });
    this.#consumer = new TaskConsumer(engine.connection, {
      redisUrl: engine.redisUrl,
      queue: MAINTENANCE_QUEUE,
      concurrency: 4,
      run: this.worker.run,
      onTrouble: () => undefined,
    });
  }

  /** Takes tasks from now on. */
  start(): Promise<void> {
    return this.#consumer.start();
  }

  /** The run of one task. */
  deliver(eventId: string, signal: AbortSignal = NEVER): Promise<TaskOutcome> {
    return this.worker.run({ id: `deliver-${eventId}`, name: 'deliver', data: { eventId }, draining: NEVER, signal });
  }

  /** The first report, past or to come, with that outcome. */
  async report(outcome: WebhookEvent['outcome']): Promise<WebhookEvent> {
    for (;;) {
      const found = this.reports.find((report) => report.outcome === outcome);
      if (found !== undefined) return found;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      await promise;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#consumer.close();
    this.worker[Symbol.dispose]();
  }
}

/** A batch that has failed, as its transaction leaves it: with an event, and no task that would tell of it. */
async function untoldEvent(engine: TestBatches, createdAt = new Date()): Promise<EventRow> {
  const { id } = await engine.create(chatLine('a'));
  await engine.table.fail(id, { errors: [], total: 0 }, createdAt);
  const [event] = await new EventTable(engine.database).of(id);
  if (event === undefined) throw new Error('the failure of a batch is an event');
  return event;
}

test("the end of a batch is told, signed so that OpenAI's client takes it and with another secret refuses it", async () => {
  await using receiver = await WebhookReceiver.start();
  await using executors = new ExecutorRegistry([new MockExecutor({ models: [{ id: 'm' }] })]);
  await using engine = await TestBatches.start();
  const webhook = { url: receiver.url, secret: SECRET };
  await using _worker = await workerOf(engine.engine, executors, { storage: engine.storage, webhook });

  const { id } = await engine.create(chatLine('a'));
  const { method, path, headers, body } = await receiver.message(0);

  expect({ method, path }).toEqual({ method: 'POST', path: '/hooks' });
  expect(await webhooks.unwrap(body, headers as Record<string, string>, SECRET)).toEqual({
    id: headers['webhook-id'],
    object: 'event',
    type: 'batch.completed',
    created_at: expect.any(Number),
    data: { id },
  });
  const other = `whsec_${Buffer.alloc(32).toString('base64')}`;
  await expect(webhooks.unwrap(body, headers as Record<string, string>, other)).rejects.toThrow(/signature/);
});

test('a batch whose file is wrong is told of as failed', async () => {
  await using receiver = await WebhookReceiver.start();
  await using engine = await TestBatches.start();
  await using teller = new Teller(engine, { url: receiver.url });
  await teller.start();

  const { id } = await engine.create('no json\n');
  const { body } = await receiver.message(0);

  expect(JSON.parse(body)).toMatchObject({ type: 'batch.failed', data: { id } });
});

test('a receiver that fails is told again, under the same id, until it takes the event', async () => {
  await using receiver = await WebhookReceiver.start();
  receiver.next({ status: 500 }, { status: 503, headers: { 'retry-after': '0' } });
  await using engine = await TestBatches.start();
  await using teller = new Teller(engine, { url: receiver.url });
  const { id } = await untoldEvent(engine);
  await teller.worker.tick();
  await teller.start();

  const { attempt } = await teller.report('delivered');

  expect(attempt).toBe(3);
  expect(receiver.messages.map(({ headers }) => headers['webhook-id'])).toEqual([id, id, id]);
  expect(teller.reports.map(({ outcome, error }) => [outcome, error])).toEqual([
    ['postponed', 'answered 500'],
    ['postponed', 'answered 503'],
    ['delivered', undefined],
  ]);
  expect(await teller.events.get(id)).toMatchObject({
    attempts: 3,
    deliverAt: null,
    deliveredAt: expect.any(Date),
    lastError: null,
  });
});

test('a receiver that is down is told when it is back', async () => {
  await using receiver = await WebhookReceiver.start();
  await receiver.stop();
  await using engine = await TestBatches.start();
  await using teller = new Teller(engine, { url: receiver.url });
  const { id } = await untoldEvent(engine);
  await teller.worker.tick();
  await teller.start();

  const { error } = await teller.report('postponed');
  await receiver.start();
  const { headers } = await receiver.message(0);

  expect(error).toBe('cannot be reached: ECONNREFUSED');
  expect(headers['webhook-id']).toBe(id);
});

test('an event is told although everybody died who knew of it, and the queue was flushed', async () => {
  await using receiver = await WebhookReceiver.start();
  await using engine = await TestBatches.start();
  const { id } = await untoldEvent(engine);
  const tasks = await engine.engine.connection.redis.keys(`*${id}*`);
  await using teller = new Teller(engine, { url: receiver.url });
  await teller.start();

  await teller.worker.tick();
  const { headers } = await receiver.message(0);

  expect(tasks).toEqual([]);
  expect(headers['webhook-id']).toBe(id);
});

test('an event that was told is not told again', async () => {
  await using receiver = await WebhookReceiver.start();
  await using engine = await TestBatches.start();
  await using teller = new Teller(engine, { url: receiver.url });
  const { id } = await untoldEvent(engine);

  const first = await teller.deliver(id);
  const second = await teller.deliver(id);

  expect([first, second]).toEqual([{ kind: 'done' }, { kind: 'done' }]);
  expect(receiver.messages).toHaveLength(1);
  expect(await teller.events.due(new Date(), 10)).toEqual([]);
});

test('a receiver that answers 410 is told no more of that event', async () => {
  await using receiver = await WebhookReceiver.start();
  receiver.next({ status: 410 });
  await using engine = await TestBatches.start();
  await using teller = new Teller(engine, { url: receiver.url });
  const { id } = await untoldEvent(engine);

  const outcome = await teller.deliver(id);

  expect(outcome).toEqual({ kind: 'done' });
  expect(teller.reports).toMatchObject([{ outcome: 'given-up', attempt: 1 }]);
  expect(await teller.events.get(id)).toMatchObject({ deliverAt: null, deliveredAt: null, attempts: 1 });
});

test('a receiver that does not answer in time is told again', async () => {
  await using receiver = await WebhookReceiver.start();
  receiver.next('hang');
  await using engine = await TestBatches.start();
  await using teller = new Teller(engine, { url: receiver.url, patience: { ...QUICK, timeoutMs: 100 } });
  await untoldEvent(engine);
  await teller.worker.tick();
  await teller.start();

  const { error } = await teller.report('postponed');
  await teller.report('delivered');

  expect(error).toBe('no answer within 100 ms');
});

test('a redirect is not followed, and the event says so', async () => {
  await using receiver = await WebhookReceiver.start();
  receiver.next({ status: 307, headers: { location: '/elsewhere' } });
  await using engine = await TestBatches.start();
  await using teller = new Teller(engine, { url: receiver.url });
  const { id } = await untoldEvent(engine);

  await teller.deliver(id);

  expect(receiver.messages.map(({ path }) => path)).toEqual(['/hooks']);
  expect((await teller.events.get(id))?.lastError).toMatch(/answered 307.*WEBHOOK_URL/);
});

test('what the receiver asks for with Retry-After is waited for', async () => {
  await using receiver = await WebhookReceiver.start();
  receiver.next({ status: 429, headers: { 'retry-after': '3600' } });
  await using engine = await TestBatches.start();
  await using teller = new Teller(engine, { url: receiver.url });
  const { id } = await untoldEvent(engine);

  const outcome = await teller.deliver(id);
  const early = await teller.deliver(id);

  expect(outcome).toEqual({ kind: 'again', delayMs: 3_600_000 });
  expect(early).toEqual({
    kind: 'again',
    delayMs: expect.toSatisfy((ms: number) => ms > 3_500_000 && ms <= 3_600_000),
  });
  expect(receiver.messages).toHaveLength(1);
});

test('an event that could not be told for three days is given up', async () => {
  await using receiver = await WebhookReceiver.start();
  receiver.next({ status: 500 });
  await using engine = await TestBatches.start();
  await using teller = new Teller(engine, { url: receiver.url });
  const { id } = await untoldEvent(engine, new Date(Date.now() - 3 * DAY_MS));

  await teller.deliver(id);

  expect(teller.reports).toMatchObject([{ outcome: 'given-up', error: 'answered 500' }]);
  expect(await teller.events.due(new Date(Date.now() + DAY_MS), 10)).toEqual([]);
});

test('a receiver that hangs takes two places of a worker, and the other events come later', async () => {
  await using receiver = await WebhookReceiver.start();
  receiver.next('hang', 'hang');
  await using engine = await TestBatches.start();
  await using teller = new Teller(engine, { url: receiver.url, patience: { ...QUICK, timeoutMs: 60_000 } });
  const ids = [await untoldEvent(engine), await untoldEvent(engine), await untoldEvent(engine)].map(({ id }) => id);
  const stop = new AbortController();
  const hanging = ids.slice(0, 2).map((id) => teller.deliver(id, stop.signal));
  await receiver.message(1);

  const third = await teller.deliver(ids[2] ?? '');
  stop.abort('shutdown');
  const stopped = await Promise.allSettled(hanging);

  expect(third).toMatchObject({ kind: 'again' });
  expect(receiver.messages).toHaveLength(2);
  // What a worker that stops has not told is as due as before.
  expect(stopped.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await teller.events.due(new Date(), 10)).toEqual(ids);
});

test('without a webhook events wait for one for three days, and no longer', async () => {
  await using engine = await TestBatches.start();
  await using teller = new Teller(engine);
  const old = await untoldEvent(engine, new Date(Date.now() - 3 * DAY_MS - 1));
  const young = await untoldEvent(engine);

  await teller.worker.run({ id: 'r', name: 'reconcile', data: { span: 1 }, draining: NEVER, signal: NEVER });

  expect(await teller.events.get(old.id)).toMatchObject({ deliverAt: null, lastError: 'no webhook was set up' });
  expect(await teller.events.due(new Date(), 10)).toEqual([young.id]);
});
