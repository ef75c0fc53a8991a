import { failure } from '@llm-engine/contracts';
import { expect, test } from 'vitest';
import { TestProducer, chatChunk, chatCompletion } from '../support/producer.ts';
import { CHAT } from '../support/producer.ts';

const JOB = { kind: 'inference', endpoint: '/v1/chat/completions', body: { ...CHAT, stream: true } };

interface Received {
  readonly id?: string;
  readonly event?: string;
  readonly data?: string;
}

/** Events of a whole stream, as text has them. */
function parseEvents(text: unknown): Received[] {
  return String(text)
    .split('\n\n')
    .filter((block) => block !== '' && !block.startsWith(':'))
    .map((block) => Object.fromEntries(block.split('\n').map((line) => splitOnce(line, ': '))) as Received);
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return [text.slice(0, at), text.slice(at + separator.length)];
}

async function submit(producer: TestProducer, job: Readonly<Record<string, unknown>> = JOB): Promise<string> {
  const { body } = await producer.post('/v1/jobs', job);
  return (body as { id: string }).id;
}

test('a stream has the chunks with their numbers, and the job at its end', async () => {
  await using producer = await TestProducer.start({
    runJob: (lease) => {
      lease.publish(chatChunk('one'));
      lease.publish(chatChunk('two'));
      return Promise.resolve(chatCompletion('onetwo'));
    },
  });
  const id = await submit(producer);

  const { status, headers, body } = await producer.get(`/v1/jobs/${id}/stream`);
  const events = parseEvents(body);

  expect(status).toBe(200);
  expect(headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  expect(events.slice(0, 2)).toEqual([
    { id: '1', event: 'chunk', data: chatChunk('one') },
    { id: '2', event: 'chunk', data: chatChunk('two') },
  ]);
  expect(events.at(-1)).toMatchObject({ event: 'end' });
  expect(JSON.parse(events.at(-1)?.data ?? '')).toMatchObject({ id, object: 'job', state: 'succeeded' });
});

test('a reader goes on where it left off, by Last-Event-ID or by a query', async () => {
  await using producer = await TestProducer.start({
    runJob: (lease) => {
      for (const text of ['one', 'two', 'three']) lease.publish(chatChunk(text));
      return Promise.resolve(chatCompletion('onetwothree'));
    },
  });
  const id = await submit(producer);
  await producer.get(`/v1/jobs/${id}/wait`);

  const byHeader = await producer.get(`/v1/jobs/${id}/stream`, { 'last-event-id': '2' });
  const byQuery = await producer.get(`/v1/jobs/${id}/stream?after=2`);

  for (const { body } of [byHeader, byQuery]) {
    expect(parseEvents(body)).toMatchObject([{ id: '3', event: 'chunk', data: chatChunk('three') }, { event: 'end' }]);
  }
});

test('a reader may come and go without the job minding', async () => {
  const release = Promise.withResolvers<void>();
  await using producer = await TestProducer.start({
    runJob: async (lease) => {
      lease.publish(chatChunk('one'));
      await release.promise;
      lease.publish(chatChunk('two'));
      return chatCompletion('onetwo');
    },
  });
  const id = await submit(producer);
  const reader = new AbortController();

  const response = await fetch(`${producer.url}/v1/jobs/${id}/stream`, { signal: reader.signal });
  await response.body?.getReader().read();
  reader.abort();
  release.resolve();
  const { body } = await producer.get(`/v1/jobs/${id}/wait`);

  expect(body).toMatchObject({ state: 'succeeded' });
});

test('a job that runs again says so before the chunks of its new run', async () => {
  await using producer = await TestProducer.start({
    runJob: (lease) => {
      lease.publish(chatChunk(`attempt ${lease.attempt}`));
      return Promise.resolve(
        lease.attempt === 1 ? { kind: 'failed', failure: failure('connection', 'Reset.') } : chatCompletion('whole'),
      );
    },
  });
  const id = await submit(producer);

  const { body } = await producer.get(`/v1/jobs/${id}/stream`);

  expect(parseEvents(body)).toMatchObject([
    { id: '1', event: 'chunk', data: chatChunk('attempt 1') },
    { event: 'restart', data: JSON.stringify({ run: 2 }) },
    { id: '2', event: 'chunk', data: chatChunk('attempt 2') },
    { event: 'end' },
  ]);
});

test('chunks that are not kept any more are a gap', async () => {
  await using producer = await TestProducer.start({
    runJob: async (lease) => {
      for (const text of ['one', 'two', 'three']) {
        lease.publish(chatChunk(text));
        await lease.flush();
      }
      return chatCompletion('onetwothree');
    },
  });
  const id = await submit(producer);
  await producer.get(`/v1/jobs/${id}/wait`);
  const { redis, keys } = producer.engine.connection;
  await redis.xtrim(keys.stream(id), 'MAXLEN', 1);

  const { body } = await producer.get(`/v1/jobs/${id}/stream`);

  expect(parseEvents(body)).toMatchObject([
    { event: 'gap', data: JSON.stringify({ missed: 2 }) },
    { id: '3', event: 'chunk' },
    { event: 'end' },
  ]);
});

test('a failed job ends its stream with the failure', async () => {
  await using producer = await TestProducer.start({
    runJob: () => Promise.resolve({ kind: 'failed', failure: failure('bad_request', 'No.') }),
  });
  const id = await submit(producer);

  const { status, body } = await producer.get(`/v1/jobs/${id}/stream`);

  expect(status).toBe(200);
  const [end] = parseEvents(body);
  expect(JSON.parse(end?.data ?? '')).toMatchObject({ state: 'failed', error: { class: 'bad_request' } });
});

test.each(['two', '-1', '1.5', ''])("the Last-Event-ID '%s' is refused", async (lastEventId) => {
  await using producer = await TestProducer.start();
  const id = await submit(producer);

  const { status, body } = await producer.get(`/v1/jobs/${id}/stream`, { 'last-event-id': lastEventId });

  expect(status).toBe(400);
  expect(body).toMatchObject({ error: { code: 'invalid_request', param: 'Last-Event-ID' } });
});
