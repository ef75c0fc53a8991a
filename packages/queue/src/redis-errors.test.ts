import { EngineError } from '@llm-engine/contracts';
import { expect, test } from 'vitest';
import { isConnectionError } from './redis-errors.ts';

test.for([
  Object.assign(new Error('Reached the max retries per request limit'), { name: 'MaxRetriesPerRequestError' }),
  new Error("Stream isn't writeable and enableOfflineQueue options is false"),
  new Error('Connection is closed.'),
  new Error('Command timed out'),
  new Error('connect ECONNREFUSED 127.0.0.1:6379'),
  new Error('read ECONNRESET'),
  new Error('write EPIPE'),
  new Error('LOADING Redis is loading the dataset in memory'),
  new Error("READONLY You can't write against a read only replica."),
  new Error("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."),
])('%s says that Redis is out of reach', (error) => {
  expect(isConnectionError(error)).toBe(true);
});

test.for([
  new Error('WRONGTYPE Operation against a key holding the wrong kind of value'),
  new Error("OOM command not allowed when used memory > 'maxmemory'."),
  new EngineError('model_not_found', 'The model does not exist.'),
  new TypeError('undefined is not a function'),
  'ECONNREFUSED',
  undefined,
])('%s does not', (error) => {
  expect(isConnectionError(error)).toBe(false);
});
