import { expect, test } from 'vitest';
import { failure } from '@llm-engine/contracts';
import type { StreamEvent } from '@llm-engine/queue';
import { ANSWER, TestEngine, chat } from '../support/engine.ts';

async function collect(stream: AsyncIterable<StreamEvent>): Promise<StreamEvent[]> {
  const events: StreamEvent[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

function chunksOf(events: readonly StreamEvent[]): string[] {
  return events.filter((event) => event.type === 'chunk').map(({ chunk }) => chunk);
}

test('chunks arrive live, numbered without gaps, and the end comes last', async () => {
  await using engine = await TestEngine.start();
  const seen = Promise.withResolvers<void>();
  const handle = await engine.producer.submit(chat());
  const reading = (async () => {
    const events: StreamEvent[] = [];
    for await (const event of handle.stream()) {
      events.push(event);
      if (events.length === 1) seen.resolve();
    }
    return events;
  })();

  await engine.consume(async (lease) => {
    lease.publish('{"n":1}');
    // The run goes on only after the reader has seen the first chunk: it was not held back until the end.
    await seen.promise;
    for (let n = 2; n <= 500; n += 1) lease.publish(`{"n":${n}}`);
    return ANSWER;
  });
  const events = await reading;

  expect(chunksOf(events)).toEqual(Array.from({ length: 500 }, (_, index) => `{"n":${index + 1}}`));
  expect(events.slice(0, -1).map((event) => event.type === 'chunk' && event.seq)).toEqual(
    Array.from({ length: 500 }, (_, index) => index + 1),
  );
  expect(events.at(-1)).toMatchObject({ type: 'end', record: { state: 'succeeded' } });
});

test('a reader that comes late gets the whole stream, and one that resumes gets the rest', async () => {
  await using engine = await TestEngine.start();
  await engine.consume(async (lease) => {
    for (const letter of ['a', 'b', 'c', 'd']) lease.publish(`"${letter}"`);
    return ANSWER;
  });
  const { id } = await engine.producer.run(chat());
  const handle = engine.producer.job(id);

  const whole = await collect(handle.stream());
  const rest = await collect(handle.stream({ after: 2 }));

  expect(chunksOf(whole)).toEqual(['"a"', '"b"', '"c"', '"d"']);
  expect(rest.map(({ type }) => type)).toEqual(['chunk', 'chunk', 'end']);
  expect(rest[0]).toMatchObject({ seq: 3, chunk: '"c"' });
});

test('a run that fails leaves none of its chunks behind', async () => {
  await using engine = await TestEngine.start();
  await engine.consume(async (lease) => {
    for (const letter of ['a', 'b', 'c']) lease.publish(`"${letter}"`);
    return { kind: 'failed', failure: failure('bad_request', 'no') };
  });
  const handle = await engine.producer.submit(chat());

  const events = await collect(handle.stream());

  expect(chunksOf(events)).toEqual(['"a"', '"b"', '"c"']);
  expect(events.at(-1)).toMatchObject({ type: 'end', record: { state: 'failed' } });
});

test('a run that is tried again at once is not disturbed by what the run before had still to say', async () => {
  await using engine = await TestEngine.start();
  await engine.consume(
    async (lease) => {
      for (const letter of ['a', 'b']) lease.publish(`"${letter}${lease.run}"`);
      return lease.run === 1 ? { kind: 'failed', failure: failure('connection', 'cut') } : ANSWER;
    },
    { backoff: { baseMs: 1, capMs: 1 } },
  );
  const handle = await engine.producer.submit(chat());

  const events = await collect(handle.stream());

  expect(events.map((event) => (event.type === 'chunk' ? event.chunk : event.type))).toEqual([
    '"a1"',
    '"b1"',
    'restart',
    '"a2"',
    '"b2"',
    'end',
  ]);
  expect(engine.count('lease-lost')).toBe(0);
});

test('a run that starts over says so, and its chunks go on counting', async () => {
  await using engine = await TestEngine.start();
  await engine.consume(async (lease) => {
    lease.publish(`"run ${lease.run}"`);
    await lease.flush();
    return lease.run === 1 ? { kind: 'failed', failure: failure('connection', 'cut') } : ANSWER;
  });
  const { id } = await engine.producer.run(chat());

  const events = await collect(engine.producer.job(id).stream());

  expect(events.map(({ type }) => type)).toEqual(['chunk', 'restart', 'chunk', 'end']);
  expect(events[2]).toMatchObject({ seq: 2, chunk: '"run 2"' });
});

test('a run that has lost its job to a newer one cannot write into its stream', async () => {
  await using engine = await TestEngine.start();
  const old = Promise.withResolvers<void>();
  const fenced = Promise.withResolvers<unknown>();
  await engine.consume(
    async (lease) => {
      lease.publish('"first"');
      await lease.flush();
      await old.promise;
      lease.publish('"zombie"');
      await lease.flush();
      lease.signal.addEventListener('abort', () => fenced.resolve(lease.signal.reason));
      if (lease.signal.aborted) fenced.resolve(lease.signal.reason);
      return ANSWER;
    },
    { lockMs: 600_000 },
  );
  const handle = await engine.producer.submit(chat());
  await engine.event(({ type }) => type === 'started');
  // Another worker takes the job, as if the lock had run out.
  const { redis, keys } = engine.connection;
  const newer = [
    'XADD',
    keys.stream(handle.id),
    '*',
    'run',
    '2',
    'first',
    '2',
    'count',
    '1',
    'chunks',
    '"second"',
  ] as const;
  await expect.poll(() => redis.xlen(keys.stream(handle.id))).toBe(1);
  await redis.call(...newer);
  old.resolve();

  expect(await fenced.promise).toBe('lock-lost');
  const [, entry] = await redis.xrange(keys.stream(handle.id), '-', '+');
  expect(entry?.[1]).toContain('"second"');
  expect(await redis.xlen(keys.stream(handle.id))).toBe(2);
  expect(engine.count('completed')).toBe(0);
});

test('a run after which the stream was forgotten starts over, and none of its chunks is lost', async () => {
  await using engine = await TestEngine.start();
  const { redis, keys } = engine.connection;
  await engine.consume(async (lease) => {
    for (const letter of ['a', 'b', 'c']) lease.publish(`"${letter}${lease.run}"`);
    if (lease.run === 2) return ANSWER;
    await lease.flush();
    await seen.promise;
    await redis.del(keys.stream(lease.id));
    return { kind: 'failed', failure: failure('connection', 'cut') };
  });
  const seen = Promise.withResolvers<void>();
  const handle = await engine.producer.submit(chat());
  const events: StreamEvent[] = [];
  for await (const event of handle.stream()) {
    events.push(event);
    if (events.length === 3) seen.resolve();
  }

  expect(events.map((event) => (event.type === 'chunk' ? `${event.seq} ${event.chunk}` : event.type))).toEqual([
    '1 "a1"',
    '2 "b1"',
    '3 "c1"',
    'restart',
    '1 "a2"',
    '2 "b2"',
    '3 "c2"',
    'end',
  ]);
});

test('a chunk of several lines stays one chunk, and the count goes on from it', async () => {
  await using engine = await TestEngine.start();
  await engine.consume(async (lease) => {
    lease.publish('{\n  "n": 1\r\n}');
    lease.publish('{"n":2}');
    return ANSWER;
  });
  const { id } = await engine.producer.run(chat());

  const events = await collect(engine.producer.job(id).stream());

  expect(events.slice(0, -1)).toEqual([
    { type: 'chunk', seq: 1, chunk: '{   "n": 1 }' },
    { type: 'chunk', seq: 2, chunk: '{"n":2}' },
  ]);
});

test('a reader that stops leaves no subscription behind', async () => {
  await using engine = await TestEngine.start();
  const handle = await engine.producer.submit(chat());
  const controller = new AbortController();
  const { redis, keys } = engine.connection;
  const listeners = async (): Promise<unknown> => (await redis.pubsub('NUMSUB', keys.wake(handle.id)))[1];

  const reading = collect(handle.stream({ signal: controller.signal }));
  await expect.poll(listeners).toBe(1);
  controller.abort();
  const events = await reading;

  expect(events).toEqual([]);
  await expect.poll(listeners).toBe(0);
});

test('chunks that were no longer kept are reported as a gap', async () => {
  await using engine = await TestEngine.start();
  await engine.consume(async (lease) => {
    for (const letter of ['a', 'b', 'c']) {
      lease.publish(`"${letter}"`);
      await lease.flush();
    }
    return ANSWER;
  });
  const { id } = await engine.producer.run(chat());
  const { redis, keys } = engine.connection;
  await redis.xtrim(keys.stream(id), 'MAXLEN', 1);

  const events = await collect(engine.producer.job(id).stream());

  expect(events.map(({ type }) => type)).toEqual(['gap', 'chunk', 'end']);
  expect(events[0]).toEqual({ type: 'gap', missed: 2 });
});
