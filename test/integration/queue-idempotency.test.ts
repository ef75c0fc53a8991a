import { expect, test } from 'vitest';
import { ANSWER, TestEngine, chat } from '../support/engine.ts';

test('the same key with the same payload is the same job', async () => {
  await using engine = await TestEngine.start();

  const [first, second] = await Promise.all([
    engine.producer.submit(chat('x', { idempotencyKey: 'k' })),
    engine.producer.submit(chat('x', { idempotencyKey: 'k' })),
  ]);

  expect(second.id).toBe(first.id);
  expect((await engine.inspector.jobs()).jobs).toHaveLength(1);
});

test('the same key with another payload is refused', async () => {
  await using engine = await TestEngine.start();
  await engine.producer.submit(chat('x', { idempotencyKey: 'k' }));

  await expect(engine.producer.submit(chat('y', { idempotencyKey: 'k' }))).rejects.toMatchObject({
    code: 'idempotency_conflict',
    status: 409,
  });
});

test('a key whose job has ended gives its end, and runs nothing', async () => {
  await using engine = await TestEngine.start();
  await engine.consume(async () => ANSWER);
  const first = await engine.producer.run(chat('x', { idempotencyKey: 'k' }));
  await engine.event(({ type }) => type === 'completed');
  await engine.connection.queue(first.queue).clean(0, 0, 'completed');

  const second = await engine.producer.run(chat('x', { idempotencyKey: 'k' }));

  expect(second).toEqual(first);
  expect(engine.count('started')).toBe(1);
});

test('a producer that died between claiming a key and adding its job is completed by the next try', async () => {
  await using engine = await TestEngine.start();
  const lost = await engine.producer.submit(chat('x', { idempotencyKey: 'k' }));
  await engine.connection.queue('inference.default').remove(lost.id);

  const again = await engine.producer.submit(chat('x', { idempotencyKey: 'k' }));

  expect(again.id).toBe(lost.id);
  expect((await again.status()).state).toBe('queued');
});

test('a list that is sent again with its keys adds nothing twice', async () => {
  await using engine = await TestEngine.start();
  const list = Array.from({ length: 1_200 }, (_, index) => chat(String(index), { idempotencyKey: `k${index}` }));

  const first = await engine.producer.submitMany(list);
  const second = await engine.producer.submitMany(list);

  expect(second.map(({ id }) => id)).toEqual(first.map(({ id }) => id));
  expect((await engine.inspector.queues())[0]?.counts.prioritized).toBe(1_200);
});

test('owners do not share keys', async () => {
  await using engine = await TestEngine.start();
  await using other = await TestEngine.start({ prefix: engine.prefix, owner: 'other' });

  const first = await engine.producer.submit(chat('x', { idempotencyKey: 'k' }));
  const second = await other.producer.submit(chat('y', { idempotencyKey: 'k' }));

  expect(second.id).not.toBe(first.id);
});

test('nothing of a list is added when one of its jobs is wrong', async () => {
  await using engine = await TestEngine.start();
  const wrong = chat('x', { body: { model: 'm', messages: [] } });

  await expect(engine.producer.submitMany([chat(), wrong])).rejects.toMatchObject({
    code: 'invalid_request',
    param: 'body.messages',
    message: expect.stringContaining('Job 1'),
  });
  expect((await engine.inspector.jobs()).jobs).toEqual([]);
});

test('an unknown model is refused, and the known ones are named', async () => {
  await using engine = await TestEngine.start();

  const submitting = engine.producer.submit(chat('x', { body: { model: 'gpt', messages: [{ role: 'user' }] } }));

  await expect(submitting).rejects.toMatchObject({
    code: 'model_not_found',
    message: expect.stringContaining('Known models: m'),
  });
});
