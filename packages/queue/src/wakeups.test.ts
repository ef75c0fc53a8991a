import { Redis } from 'ioredis';
import { expect, test, vi } from 'vitest';
import { Wakeups } from './wakeups.ts';
import type { Wake } from './wakeups.ts';

/** A connection that goes nowhere; the test plays Redis. */
function fakeRedis() {
  const redis = new Redis({ lazyConnect: true });
  const subscribe = vi.spyOn(redis, 'subscribe').mockResolvedValue(1);
  const unsubscribe = vi.spyOn(redis, 'unsubscribe').mockResolvedValue(0);
  return { redis, subscribe, unsubscribe };
}

test('a message reaches the listeners of its channel, and no others', async () => {
  const { redis } = fakeRedis();
  await using wakeups = new Wakeups(() => redis);
  const heard: [string, Wake][] = [];
  using _one = await wakeups.listen('a', (wake) => heard.push(['one', wake]));
  using _two = await wakeups.listen('a', (wake) => heard.push(['two', wake]));
  using _other = await wakeups.listen('b', (wake) => heard.push(['other', wake]));

  redis.emit('message', 'a', 'text');

  expect(heard).toEqual([
    ['one', { kind: 'message', text: 'text' }],
    ['two', { kind: 'message', text: 'text' }],
  ]);
});

test('there is one connection, and it is opened by the first listener', async () => {
  const { redis } = fakeRedis();
  const connect = vi.fn(() => redis);
  await using wakeups = new Wakeups(connect);
  expect(connect).not.toHaveBeenCalled();

  using _one = await wakeups.listen('a', () => undefined);
  using _two = await wakeups.listen('b', () => undefined);

  expect(connect).toHaveBeenCalledOnce();
});

test('who has stopped listening hears nothing more, and the channel is given up with its last listener', async () => {
  const { redis, unsubscribe } = fakeRedis();
  await using wakeups = new Wakeups(() => redis);
  const heard: string[] = [];
  const one = await wakeups.listen('a', () => heard.push('one'));
  const two = await wakeups.listen('a', () => heard.push('two'));

  one[Symbol.dispose]();
  redis.emit('message', 'a', 'text');
  const givenUpEarly = unsubscribe.mock.calls.length;
  two[Symbol.dispose]();

  expect(heard).toEqual(['two']);
  expect(givenUpEarly).toBe(0);
  expect(unsubscribe.mock.calls).toEqual([['a']]);
});

test('a failure to give a channel up is nobody’s trouble', async () => {
  const { redis, unsubscribe } = fakeRedis();
  unsubscribe.mockRejectedValue(new Error('Connection is closed.'));
  await using wakeups = new Wakeups(() => redis);
  const listening = await wakeups.listen('a', () => undefined);

  listening[Symbol.dispose]();
  listening[Symbol.dispose]();

  expect(unsubscribe).toHaveBeenCalledOnce();
});

test('after a reconnect every listener is told of a gap, after the first connect nobody is', async () => {
  const { redis } = fakeRedis();
  await using wakeups = new Wakeups(() => redis);
  const heard: Wake[] = [];
  using _one = await wakeups.listen('a', (wake) => heard.push(wake));
  using _two = await wakeups.listen('b', (wake) => heard.push(wake));

  redis.emit('ready');
  const atFirst = heard.length;
  redis.emit('ready');

  expect(atFirst).toBe(0);
  expect(heard).toEqual([{ kind: 'gap' }, { kind: 'gap' }]);
});

test('a subscription that is refused leaves no listener behind', async () => {
  const { redis, subscribe } = fakeRedis();
  subscribe.mockRejectedValueOnce(new Error('NOPERM'));
  await using wakeups = new Wakeups(() => redis);
  const heard: Wake[] = [];

  await expect(wakeups.listen('a', (wake) => heard.push(wake))).rejects.toThrow('NOPERM');
  redis.emit('message', 'a', 'text');

  expect(heard).toEqual([]);
});

test('closing it closes the connection, and nobody hears anything more', async () => {
  const { redis } = fakeRedis();
  const disconnect = vi.spyOn(redis, 'disconnect');
  const wakeups = new Wakeups(() => redis);
  const heard: Wake[] = [];
  await wakeups.listen('a', (wake) => heard.push(wake));

  await wakeups[Symbol.asyncDispose]();
  redis.emit('message', 'a', 'text');

  expect(disconnect).toHaveBeenCalledOnce();
  expect(heard).toEqual([]);
});
