/**
 * A model server that serves a limited number of requests at once, with the times of a real one: some 150 ms to the first
 * token, then some 60 tokens of some 15 ms each, all divided by a factor. More requests wait in a line inside it, or are
 * refused with a 429. A process of its own: it prints its URL as one line, and stops with its parent.
 *
 * Arguments: slots, factor, `line` or `refuse`. `GET /stats` tells how long its slots were in use, by kind of request.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SlotStats } from './chat-beside-batch.ts';

const [slots, factor, whenFull] = [Number(process.argv[2]), Number(process.argv[3]), process.argv[4]];
const MODEL = 'slots';
const stats: SlotStats = { chat: { ended: 0, busyMs: 0 }, batch: { ended: 0, busyMs: 0 }, refused: 0 };
const line: (() => void)[] = [];
let inUse = 0;

const server = createServer((request, response) => {
  if (request.method === 'GET') {
    sendJson(response, request.url === '/stats' ? stats : { object: 'list', data: [{ id: MODEL, object: 'model' }] });
    return;
  }
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    const { stream } = JSON.parse(Buffer.concat(parts).toString('utf8')) as { readonly stream?: boolean };
    const start = (): void => void serve(stream === true, response);
    if (inUse < slots) start();
    else if (whenFull === 'line') line.push(start);
    else {
      stats.refused += 1;
      sendJson(response, { error: { message: 'All slots are in use.', type: 'rate_limit_error' } }, 429);
    }
  });
});

async function serve(stream: boolean, response: ServerResponse): Promise<void> {
  inUse += 1;
  const startedAt = performance.now();
  const tokens = Math.round(40 + Math.random() * 40);
  await sleep((120 + Math.random() * 60) / factor);
  if (stream) await speak(tokens, response);
  else {
    await sleep((tokens * 15) / factor);
    sendJson(response, whole(tokens));
  }
  const kind = stream ? stats.chat : stats.batch;
  kind.ended += 1;
  kind.busyMs += performance.now() - startedAt;
  inUse -= 1;
  line.shift()?.();
}

/** Each token is due at a time of its own, so that late timers do not add up. */
async function speak(tokens: number, response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const firstAt = performance.now();
  for (let token = 0; token < tokens; token += 1) {
    const dueMs = firstAt + (token * 15) / factor - performance.now();
    if (dueMs > 1) await sleep(dueMs);
    sendEvent(response, { delta: { content: 'x ' }, finish_reason: null });
  }
  sendEvent(response, { delta: {}, finish_reason: 'stop' });
  response.end('data: [DONE]\n\n');
}

function sendEvent(response: ServerResponse, choice: object): void {
  const chunk = { id: 'c', object: 'chat.completion.chunk', created: 1_700_000_000, model: MODEL };
  response.write(`data: ${JSON.stringify({ ...chunk, choices: [{ index: 0, ...choice }] })}\n\n`);
}

function whole(tokens: number): object {
  const message = { role: 'assistant', content: 'x '.repeat(tokens), refusal: null };
  return {
    id: 'c',
    object: 'chat.completion',
    created: 1_700_000_000,
    model: MODEL,
    choices: [{ index: 0, message, logprobs: null, finish_reason: 'stop' }],
    usage: { prompt_tokens: 20, completion_tokens: tokens, total_tokens: 20 + tokens },
  };
}

function sendJson(response: ServerResponse, body: object, status = 200): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1');
await once(server, 'listening');
process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1\n`);
process.stdin.resume();
process.stdin.once('end', () => process.exit());
