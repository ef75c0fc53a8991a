import { EngineError } from '@llm-engine/contracts';
import { expect, test } from 'vitest';
import { explainDatabaseError, isStorageOutage, storageOutage } from './outage.ts';

function coded(code: string, message = 'as the server says it'): Error {
  return Object.assign(new Error(message), { code });
}

test.for([
  [coded('ECONNREFUSED'), 'cannot be reached'],
  [coded('ECONNRESET'), 'cannot be reached'],
  [coded('ENOTFOUND'), 'cannot be reached'],
  [Object.assign(new AggregateError([coded('ECONNREFUSED')]), { code: 'ECONNREFUSED' }), 'cannot be reached'],
  [new Error('Connection terminated unexpectedly'), 'cannot be reached'],
  [new Error('Client has encountered a connection error and is not queryable'), 'cannot be reached'],
  [new Error('Connection terminated due to connection timeout'), 'cannot be reached'],
  [new Error('timeout exceeded when trying to connect'), 'does not answer in time'],
  [new Error('Query read timeout'), 'does not answer in time'],
  [coded('08006'), 'cannot be reached'],
  [coded('57P01'), 'shuts down'],
  [coded('57P03'), 'starts'],
  [coded('53100'), 'disk of the database is full'],
  [coded('53300'), 'no connection left'],
  [coded('53400'), 'short of resources'],
  [coded('58030'), 'cannot use its disk'],
  [coded('25006'), 'takes no writes'],
  [coded('57014'), 'took too long'],
  [coded('40P01'), 'in each other’s way'],
] as const)('%s is an outage: %s', ([error, meaning]) => {
  const explained = explainDatabaseError(error);

  expect(explained).toBeInstanceOf(EngineError);
  expect(explained).toMatchObject({
    code: 'storage_unavailable',
    message: expect.stringContaining(meaning),
    cause: error,
  });
  expect(isStorageOutage(explained)).toBe(true);
});

test.for([
  coded('23505', 'duplicate key value violates unique constraint'),
  coded('42P01', 'relation "nothing" does not exist'),
  coded('25P02', 'current transaction is aborted'),
  new EngineError('model_not_found', "The model 'Connection terminated' does not exist."),
  new TypeError('undefined is not a function'),
  'ECONNREFUSED',
  undefined,
])('%s is no outage, and is passed on as it is', (error) => {
  expect(explainDatabaseError(error)).toBe(error);
  expect(isStorageOutage(error)).toBe(false);
});

test('an outage is found in what it was wrapped with', () => {
  const outage = new EngineError('storage_unavailable', 'The database starts.');

  expect(storageOutage(outage)).toBe(outage);
  expect(storageOutage(new Error('Failed query: select', { cause: outage }))).toBe(outage);
  expect(storageOutage(new Error('Failed query: select', { cause: coded('ECONNREFUSED') }))).toBeUndefined();
  expect(storageOutage(new EngineError('file_not_found', 'No such file.', { cause: outage }))).toBeUndefined();
});
