import { expect, test } from 'vitest';
import { aborted } from '../support/engine.ts';
import { CHAT, TestProducer, chatChunk, chatCompletion, collect, refusalOf } from '../support/producer.ts';

const STREAM = { ...CHAT, stream: true } as const;

test('a producer that stops lets requests in flight finish, streams too', async () => {
  const release = Promise.withResolvers<void>();
  await using producer = await TestProducer.start({
    runJob: async (lease) => {
      lease.publish(chatChunk('one'));
      await release.promise;
      lease.publish(chatChunk('two'));
      return chatCompletion('onetwo');
    },
  });
  const whole = producer.openai.chat.completions.create(CHAT);
  const stream = await producer.openai.chat.completions.create(STREAM);
  await producer.engine.event((event) => event.type === 'started' && event.endpoint !== undefined);

  const closed = producer.close();
  release.resolve();

  await expect(collect(stream)).resolves.toHaveLength(2);
  await expect(whole).resolves.toMatchObject({ choices: [{ message: { content: 'onetwo' } }] });
  await closed;
});

test('what does not finish in time is ended with an error, and its job is cancelled', async () => {
  await using producer = await TestProducer.start({
    graceMs: 50,
    runJob: async (lease) => {
      lease.publish(chatChunk('one'));
      await aborted(lease.signal);
      return { kind: 'cancelled' };
    },
  });
  const stream = await producer.openai.chat.completions.create(STREAM);
  const chunks = stream[Symbol.asyncIterator]();
  await chunks.next();
  const whole = refusalOf(producer.openai.chat.completions.create(CHAT));
  const { body } = await producer.post('/v1/jobs', {
    kind: 'inference',
    endpoint: '/v1/chat/completions',
    body: STREAM,
  });
  const native = await fetch(`${producer.url}/v1/jobs/${(body as { id: string }).id}/stream`);
  await producer.engine.event(() => producer.engine.count('started') === 3);

  const streamEnd = refusalOf(chunks.next());
  await producer.close();

  await expect(streamEnd).resolves.toMatchObject({ code: 'shutting_down' });
  await expect(whole).resolves.toMatchObject({ status: 503, code: 'shutting_down' });
  await expect(native.text()).resolves.toContain(
    'event: error\ndata: {"error":{"message":"This server is shutting down.',
  );
  await producer.engine.event(({ type }) => type === 'cancelled');
});

test('a stopped producer accepts no connection', async () => {
  await using producer = await TestProducer.start();

  await producer.close();

  await expect(producer.get('/livez')).rejects.toThrow('fetch failed');
});
