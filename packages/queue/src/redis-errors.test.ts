import { EngineError } from '@llm-engine/contracts';
import { expect, test } from 'vitest';
import { isConnectionError, isOutage, refusalReason } from './redis-errors.ts';

test.for([
  Object.assign(new Error('Reached the max retries per request limit'), { name: 'MaxRetriesPerRequestError' }),
  new Error("Stream isn't writeable and enableOfflineQueue options is false"),
  new Error('Connection is closed.'),
  new Error('Command timed out'),
  new Error('connect ECONNREFUSED 127.0.0.1:6379'),
  new Error('read ECONNRESET'),
  new Error('write EPIPE'),
  new Error('connect ETIMEDOUT 10.0.0.1:6379'),
  new Error('getaddrinfo ENOTFOUND redis'),
  new Error('connect EHOSTUNREACH 10.0.0.1:6379'),
  new Error('getaddrinfo EAI_AGAIN redis'),
  new Error('LOADING Redis is loading the dataset in memory'),
  new Error("READONLY You can't write against a read only replica."),
  new Error("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."),
])('%s says that Redis is out of reach', (error) => {
  expect(isConnectionError(error)).toBe(true);
  expect(isOutage(error)).toBe(true);
});

test.for([
  ["OOM command not allowed when used memory > 'maxmemory'.", 'Redis is full'],
  ['MISCONF Redis is configured to save RDB snapshots, but is unable to persist to disk.', 'to disk'],
  ['NOREPLICAS Not enough good replicas to write.', 'too few replicas'],
  ['CLUSTERDOWN The cluster is down', 'cluster is down'],
  ['BUSY Redis is busy running a script.', 'busy'],
  ['TRYAGAIN Multiple keys request during rehashing of slot', 'moving its keys'],
] as const)('%s is an outage of a Redis that is within reach: %s', ([text, meaning]) => {
  const error = new Error(text);

  expect(refusalReason(error)).toContain(meaning);
  expect(isConnectionError(error)).toBe(false);
  expect(isOutage(error)).toBe(true);
});

test.for([
  new Error('WRONGTYPE Operation against a key holding the wrong kind of value'),
  new Error('BUSYGROUP Consumer Group name already exists'),
  new EngineError('model_not_found', "The model 'LOADING' does not exist."),
  new TypeError('undefined is not a function'),
  'ECONNREFUSED',
  undefined,
])('%s is no outage', (error) => {
  expect(isOutage(error)).toBe(false);
});
