import { describe, expect, test } from 'vitest';
import { createLogger } from './logger.ts';
import type { Logger, LoggerOptions } from './logger.ts';

const PROMPT = 'my-secret-prompt';
const PASSWORD = 'hunter2-hunter2';

function recorded(options: Partial<LoggerOptions> = {}): { logger: Logger; lines: string[] } {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  return { logger: createLogger({ service: 'worker', destination, ...options }), lines };
}

test('a line is one JSON object with ISO time, level by name, service and version', () => {
  const { logger, lines } = recorded({ version: '1.2.3' });

  logger.info({ jobId: 'job-1', attempt: 2 }, 'job started');

  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/\}\n$/);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    service: 'worker',
    version: '1.2.3',
    jobId: 'job-1',
    attempt: 2,
    msg: 'job started',
  });
});

test('a level below the one that is set is not written', () => {
  const { logger, lines } = recorded({ level: 'warn' });

  logger.info('quiet');
  logger.warn('loud');

  expect(lines.map((line) => JSON.parse(line).msg)).toEqual(['loud']);
});

describe('prompts and keys do not reach the log', () => {
  test.each<[string, (logger: Logger) => void]>([
    ['as the messages of a chat', (log) => log.info({ messages: [{ role: 'user', content: PROMPT }] })],
    ['as the prompt of a completion', (log) => log.info({ prompt: PROMPT })],
    ['as the input of embeddings', (log) => log.info({ input: [PROMPT] })],
    ['as a request body', (log) => log.info({ body: PROMPT })],
    ['as a request body in a request', (log) => log.info({ request: { params: { body: { anything: PROMPT } } } })],
    ['as an answer', (log) => log.info({ result: { choices: [{ message: { content: PROMPT } }] } })],
    ['as a chunk of a streamed answer', (log) => log.info({ chunk: { choices: [{ delta: { text: PROMPT } }] } })],
    ['in an array of arrays', (log) => log.info({ batch: [[{ content: PROMPT }]] })],
    ['below the depth of any log record', (log) => log.info({ a: nested(30, { prompt: PROMPT }) })],
    ['in the bindings of a child logger', (log) => log.child({ prompt: PROMPT }).info('hello')],
    [
      'in the bindings of a child of a child',
      (log) =>
        log
          .child({ a: 1 })
          .child({ job: { body: PROMPT } })
          .info('x'),
    ],
    ['as an authorization header', (log) => log.info({ headers: { Authorization: `Bearer ${PROMPT}` } })],
    [
      'as an API key, however it is spelled',
      (log) => log.info({ 'x-api-key': PROMPT, API_KEY: PROMPT, apiKey: PROMPT }),
    ],
    ['as a cookie', (log) => log.info({ headers: { cookie: PROMPT, 'set-cookie': [PROMPT] } })],
    ['as a bearer token in a message', (log) => log.info(`sent Authorization: Bearer ${PASSWORD}`)],
    ['as a basic credential in a field', (log) => log.info({ header: `Basic ${PASSWORD}` })],
    ['as a key of a known make in a message', (log) => log.info(`key sk-${PASSWORD} was refused`)],
    ['as the password of a URL', (log) => log.info({ redisUrl: `redis://default:${PASSWORD}@redis:6379/0` })],
    ['as the password of a URL without a user', (log) => log.info(`connecting to rediss://:${PASSWORD}@redis`)],
    ['as a password with an @ in it', (log) => log.info(`postgres://u:p@${PASSWORD}@db/engine is down`)],
    ['in the message of an error', (log) => log.error(new Error(`no route to redis://:${PASSWORD}@redis`))],
    [
      'in the cause of an error',
      (log) => log.error({ err: new Error('x', { cause: new Error(`Bearer ${PASSWORD}`) }) }),
    ],
    [
      'in the fields of an error',
      (log) => log.error({ err: Object.assign(new Error('x'), { request: { q: PROMPT } }) }),
    ],
    [
      'in the command of a Redis error',
      (log) => log.error({ err: Object.assign(new Error('ERR'), { command: { name: 'auth', args: [PASSWORD] } }) }),
    ],
    ['in an error under another name', (log) => log.error({ error: Object.assign(new Error('x'), { body: PROMPT }) })],
  ])('%s', (_where, log) => {
    const { logger, lines } = recorded();

    log(logger);

    expect(lines).toHaveLength(1);
    expect(lines.join('')).not.toContain(PROMPT);
    expect(lines.join('')).not.toContain(PASSWORD);
  });

  test('also not in lines for a person', () => {
    const { logger, lines } = recorded({ pretty: true });

    logger.error({ prompt: PROMPT, err: new Error(`redis://:${PASSWORD}@redis`) }, `Bearer ${PASSWORD}`);

    expect(lines.join('')).not.toMatch(new RegExp(`${PROMPT}|${PASSWORD}`));
  });
});

test('what an operator needs stays readable', () => {
  const { logger, lines } = recorded();

  logger.info(
    { promptTokens: 12, inputTokens: 3, url: 'http://models:8000/v1?user=a@b', mail: 'ops@example.org' },
    'done',
  );

  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    promptTokens: 12,
    inputTokens: 3,
    url: 'http://models:8000/v1?user=a@b',
    mail: 'ops@example.org',
  });
});

test('a text of any length makes a line of bounded length', () => {
  const { logger, lines } = recorded();

  logger.info({ detail: 'x'.repeat(1_000_000) });

  expect(lines[0]?.length).toBeLessThan(10_000);
  expect(lines[0]).toContain('(992000 characters more)');
});

test('an error is written with its type, code, stack and the chain of its causes', () => {
  const { logger, lines } = recorded();
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  const both = new AggregateError([refused], '');

  logger.error({ err: new TypeError('The model server cannot be reached.', { cause: both }) }, 'job failed');

  expect(JSON.parse(lines[0] ?? '').err).toMatchObject({
    type: 'TypeError',
    message: 'The model server cannot be reached.',
    stack: expect.stringContaining('logger.test.ts'),
    cause: { type: 'AggregateError', errors: [{ message: 'connect ECONNREFUSED', code: 'ECONNREFUSED' }] },
  });
});

test('an error that is its own cause is written all the same', () => {
  const { logger, lines } = recorded();
  const error = new Error('round and round');
  error.cause = error;

  logger.error({ err: error });

  expect(JSON.parse(lines[0] ?? '').err.cause.cause.message).toBe('round and round');
});

test('something thrown that is no error is described', () => {
  const { logger, lines } = recorded();

  logger.error({ err: 'just a text' });
  logger.error({ err: 42 });

  expect(lines.map((line) => JSON.parse(line).err.message)).toEqual([
    'just a text',
    'A number was thrown instead of an error.',
  ]);
});

test('for a person a line is time, level, service, message and fields, and an error stands below', () => {
  const { logger, lines } = recorded({ pretty: true });

  logger.info({ jobId: 'job-1', timings: { runMs: 5 } }, 'job completed');
  logger.error({ err: new Error('outer', { cause: new Error('inner') }) }, 'job failed');

  expect(lines[0]).toMatch(
    /^\d\d:\d\d:\d\d\.\d{3} INFO  \[worker\] job completed jobId=job-1 timings=\{"runMs":5\}\n$/,
  );
  expect(lines[1]).toMatch(/ERROR \[worker\] job failed\n {4}Error: outer\n[^]*caused by: Error: inner\n/);
});

function nested(depth: number, innermost: object): object {
  return depth === 0 ? innermost : { inner: nested(depth - 1, innermost) };
}
