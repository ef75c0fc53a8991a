import { once } from 'node:events';
import { connect } from 'node:net';
import { EngineError, FailureError, failure } from '@llm-engine/contracts';
import type { FastifyInstance } from 'fastify';
import { expect, test, vi } from 'vitest';
import { Access } from './access.ts';
import { listen } from './listen.ts';
import { addProbes } from './probes.ts';
import { createServer } from './server.ts';

const variables = { host: 'PRODUCER_HOST', port: 'PRODUCER_PORT' };
const json = { 'content-type': 'application/json' };

function echoServer(options: Parameters<typeof createServer>[0] = {}): FastifyInstance {
  const server = createServer(options);
  server.post('/echo', (request) => ({ body: request.body ?? null, owner: request.identity.owner }));
  server.get('/things/:id', () => ({}));
  return server;
}

function failingServer(error: unknown, onRequestError?: (error: unknown) => void): FastifyInstance {
  const server = createServer({ ...(onRequestError && { onRequestError }) });
  server.get('/', () => {
    throw error;
  });
  return server;
}

test('a request keeps the id that its sender gave it, and else gets one', async () => {
  const server = echoServer();

  const given = await server.inject({ url: '/things/1', headers: { 'x-request-id': 'trace-7' } });
  const generated = await server.inject({ url: '/things/1' });
  const unusable = await server.inject({ url: '/things/1', headers: { 'x-request-id': 'a b' } });

  expect(given.headers['x-request-id']).toBe('trace-7');
  expect(generated.headers['x-request-id']).toMatch(/^req_[0-9a-f]{32}$/);
  expect(unusable.headers['x-request-id']).toMatch(/^req_/);
});

test.each([
  ['text that is not JSON', '{"a":', json, 400, 'invalid_json'],
  ['a key that would change the prototype', '{"__proto__":{"admin":true}}', json, 400, 'invalid_json'],
  ['a form', 'a=1', { 'content-type': 'application/x-www-form-urlencoded' }, 415, 'unsupported_media_type'],
  ['plain text', 'a', { 'content-type': 'text/plain' }, 415, 'unsupported_media_type'],
  ['a content type that is none', '{}', { 'content-type': '/' }, 415, 'unsupported_media_type'],
  ['a body over the limit', JSON.stringify('x'.repeat(200)), json, 413, 'request_too_large'],
])('%s is answered in the shape of OpenAI', async (_name, payload, headers, status, code) => {
  const server = echoServer({ bodyLimit: 100 });

  const answer = await server.inject({ method: 'POST', url: '/echo', headers, payload });

  expect(answer.statusCode).toBe(status);
  expect(answer.json()).toEqual({
    error: { message: expect.any(String), type: 'invalid_request_error', param: null, code },
  });
});

test('invalid JSON is answered with the place of the fault and without the text around it', async () => {
  const server = echoServer();

  const answer = await server.inject({ method: 'POST', url: '/echo', headers: json, payload: '{"secret":1,}' });

  expect(answer.json().error.message).toBe('The request body is not valid JSON, at position 12 (line 1 column 13).');
});

test('an empty body is no body, whatever type it is said to have', async () => {
  const server = echoServer();

  const answer = await server.inject({ method: 'POST', url: '/echo', headers: json, payload: '' });

  expect(answer.json()).toMatchObject({ body: null });
});

test.each([
  ['an unknown route', 'GET', '/nowhere', 404, 'route_not_found'],
  ['a method that a route does not take', 'DELETE', '/things/1', 405, 'method_not_allowed'],
  ['a path that cannot be decoded', 'GET', '/things/%zz', 400, 'invalid_request'],
  ['a path segment that is too long', 'GET', `/things/${'x'.repeat(2_000)}`, 400, 'invalid_request'],
] as const)('%s gets an answer of its own', async (_name, method, url, status, code) => {
  const server = echoServer();

  const answer = await server.inject({ method, url });

  expect(answer.statusCode).toBe(status);
  expect(answer.json().error.code).toBe(code);
  expect(answer.headers['x-request-id']).toBeDefined();
});

test('a wrong method is answered with the methods that there are', async () => {
  const server = echoServer();

  const answer = await server.inject({ method: 'PUT', url: '/echo?x=1' });

  expect(answer.statusCode).toBe(405);
  expect(answer.headers.allow).toBe('POST');
});

test('an error that asks for patience says so in seconds and in milliseconds', async () => {
  const server = failingServer(new EngineError('queue_unavailable', 'Down.', { retryAfterMs: 1_200 }));

  const answer = await server.inject('/');

  expect(answer.statusCode).toBe(503);
  expect(answer.headers).toMatchObject({ 'retry-after': '2', 'retry-after-ms': '1200' });
});

test.each([
  ['a conflict', new EngineError('idempotency_conflict', 'Other payload.'), 409],
  ['what is not set up', new EngineError('storage_not_configured', 'There is none.'), 501],
  ['a wait that was too long', new EngineError('wait_timeout', 'Too long.'), 504],
  ['a failure that another attempt cannot help', new FailureError(failure('worker_crashed', 'It died.')), 500],
])('%s tells the client not to send again', async (_name, error, status) => {
  const answer = await failingServer(error).inject('/');

  expect(answer.statusCode).toBe(status);
  expect(answer.headers['x-should-retry']).toBe('false');
});

test('a failure is answered as the model server put it', async () => {
  const server = failingServer(
    new FailureError(failure('rate_limited', 'Slow down.', { code: 'tokens', param: 'model', retryAfterMs: 3_000 })),
  );

  const answer = await server.inject('/');

  expect(answer.statusCode).toBe(429);
  expect(answer.headers['retry-after']).toBe('3');
  expect(answer.json().error).toEqual({
    message: 'Slow down.',
    type: 'rate_limit_error',
    param: 'model',
    code: 'tokens',
  });
});

test.each([
  ['a defect', new TypeError('reading properties of undefined, key sk-123')],
  ['something that is not even an error', 'sk-123'],
  ['an internal error', new EngineError('internal_error', 'sk-123')],
])('%s is reported here and told to nobody', async (_name, error) => {
  const onRequestError = vi.fn();

  const answer = await failingServer(error, onRequestError).inject('/');

  expect(answer.statusCode).toBe(500);
  expect(answer.json().error).toMatchObject({ type: 'server_error', code: 'internal_error' });
  expect(answer.body).not.toContain('sk-123');
  expect(onRequestError).toHaveBeenCalledExactlyOnceWith(error, expect.anything());
});

test('bytes that are lost are reported here, and where they were is told to nobody', async () => {
  const error = new EngineError('object_missing', "The object 'files/a' is not in /srv/objects.");
  const onRequestError = vi.fn();

  const answer = await failingServer(error, onRequestError).inject('/');

  expect(answer.statusCode).toBe(500);
  expect(answer.json().error).toMatchObject({ code: 'object_missing', message: expect.not.stringContaining('/srv') });
  expect(onRequestError).toHaveBeenCalledExactlyOnceWith(error, expect.anything());
});

test('an error that a part of the server throws is answered as the server explains it', async () => {
  const onRequestError = vi.fn<() => void>();
  const server = createServer({
    explain: (error) => new EngineError('queue_unavailable', 'Down.', { cause: error }),
    onRequestError,
  });
  server.get('/', () => Promise.reject(new Error('ECONNREFUSED')));

  const answer = await server.inject('/');

  expect(answer.statusCode).toBe(503);
  expect(onRequestError).not.toHaveBeenCalled();
});

test('a key is asked for on every route, unknown ones included, but not on public ones', async () => {
  const server = echoServer({ access: new Access(['key-1']) });
  addProbes(server, { livez: () => ({ ok: true }), readyz: () => ({ ok: true }), startupz: () => ({ ok: true }) });

  const without = await server.inject({ method: 'POST', url: '/echo' });
  const unknown = await server.inject('/nowhere');
  const wrong = await server.inject({ method: 'POST', url: '/echo', headers: { authorization: 'Bearer key-2' } });
  const right = await server.inject({ method: 'POST', url: '/echo', headers: { authorization: 'Bearer key-1' } });
  const probe = await server.inject('/livez');

  expect(without.json().error).toMatchObject({ type: 'authentication_error', code: 'missing_api_key' });
  expect([without, unknown, wrong].map(({ statusCode }) => statusCode)).toEqual([401, 401, 401]);
  expect(wrong.json().error.code).toBe('invalid_api_key');
  expect(right.json()).toMatchObject({ owner: 'default' });
  expect(probe.statusCode).toBe(200);
});

test('a browser is challenged for a password, a program for a bearer key', async () => {
  const server = echoServer({ access: new Access(['key-1']) });

  const browser = await server.inject({ url: '/things/1', headers: { accept: 'text/html,*/*' } });
  const program = await server.inject('/things/1');

  expect(browser.headers['www-authenticate']).toMatch(/^Basic /);
  expect(program.headers['www-authenticate']).toBe('Bearer');
});

test('a probe that fails says why, with 503', async () => {
  const server = createServer();
  addProbes(server, {
    livez: () => ({ ok: true }),
    readyz: () => Promise.resolve({ ok: false, reason: 'Redis is out of reach' }),
    startupz: () => ({ ok: true }),
  });

  const answer = await server.inject('/readyz');

  expect(answer.statusCode).toBe(503);
  expect(answer.json()).toEqual({ status: 'unavailable', reason: 'Redis is out of reach' });
});

test('a server that closes finishes what is in flight and sends new requests elsewhere', async () => {
  const server = createServer();
  const arrived = Promise.withResolvers<void>();
  const closing = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  server.get('/slow', async () => {
    arrived.resolve();
    await finish.promise;
    return { done: true };
  });
  server.addHook('preClose', () => Promise.resolve(closing.resolve()));
  const { port } = await listen(server, { host: '127.0.0.1', port: 0, variables });
  const socket = connect(port, '127.0.0.1');
  let answers = '';
  socket.on('data', (data) => (answers += String(data)));
  socket.write('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n');
  await arrived.promise;

  const closed = server.close();
  await closing.promise;
  server.server.once('request', () => finish.resolve());
  socket.write('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n');
  await Promise.all([closed, once(socket, 'close')]);

  const [first, second] = answers.split(/(?<=\})(?=HTTP)/);
  expect(first).toContain('{"done":true}');
  expect(second).toContain('HTTP/1.1 503');
  expect(second).toContain('"code":"shutting_down"');
});

test('a server that closes does not wait for connections on which no request has come', async () => {
  const server = createServer();
  const { port } = await listen(server, { host: '127.0.0.1', port: 0, variables });
  const socket = connect(port, '127.0.0.1');
  await once(server.server, 'connection');

  await Promise.all([server.close(), once(socket, 'close')]);

  expect(server.server.listening).toBe(false);
});

test('what is not HTTP is answered with an error in the shape of OpenAI', async () => {
  await using server = createServer();
  const { port } = await listen(server, { host: '127.0.0.1', port: 0, variables });
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.on('data', (data) => (answer += String(data)));

  socket.write('nonsense\r\n\r\n');
  await once(socket, 'close');

  expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toMatchObject({ error: { code: 'invalid_request' } });
});

test('a port that is taken ends the start with the setting to change', async () => {
  await using first = createServer();
  await using second = createServer();
  const { port, url } = await listen(first, { host: '127.0.0.1', port: 0, variables });

  const start = listen(second, { host: '127.0.0.1', port, variables });

  await expect(start).rejects.toMatchObject({
    code: 'invalid_config',
    message: expect.stringContaining('PRODUCER_PORT'),
  });
  expect(url).toBe(`http://127.0.0.1:${port}`);
});

test('an address of another machine ends the start with the setting to change', async () => {
  await using server = createServer();

  const start = listen(server, { host: '192.0.2.1', port: 0, variables });

  await expect(start).rejects.toMatchObject({
    code: 'invalid_config',
    message: expect.stringContaining('PRODUCER_HOST'),
  });
});

test('without keys a server does not listen where others can reach it', async () => {
  await using server = createServer();

  const start = listen(server, { host: '0.0.0.0', port: 0, access: new Access([]), variables });

  await expect(start).rejects.toMatchObject({
    code: 'invalid_config',
    message: expect.stringContaining('PRODUCER_HOST'),
  });
});
