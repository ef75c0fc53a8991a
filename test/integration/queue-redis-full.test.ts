import { expect, test } from 'vitest';
import { ANSWER, TestEngine, chat } from '../support/engine.ts';
import { RedisServer } from '../support/redis-server.ts';

test('a result that a full Redis has no room for is not lost: the job ends when there is room again', async () => {
  await using redis = await RedisServer.start();
  await using engine = await TestEngine.start({ redisUrl: redis.url });
  const setLimit = (bytes: number) => engine.connection.redis.config('SET', 'maxmemory', String(bytes));
  await engine.consume(
    async (lease) => {
      if (lease.run === 1) await setLimit(1);
      return ANSWER;
    },
    { lockMs: 1_000 },
  );
  const handle = await engine.producer.submit(chat());

  await engine.event((event) => event.type === 'trouble' && event.source === 'record');
  await setLimit(0);

  expect(await handle.result({ timeoutMs: 10_000 })).toMatchObject({ state: 'succeeded', result: { ok: true } });
});
