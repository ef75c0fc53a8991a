/**
 * A model server that answers everything at once with some 400 bytes, as a process of its own: it prints its URL as one line,
 * and stops with its parent.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const ANSWER = Buffer.from(
  JSON.stringify({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1_700_000_000,
    model: 'instant',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: 'x'.repeat(180), refusal: null },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage: { prompt_tokens: 20, completion_tokens: 40, total_tokens: 60 },
  }),
);
const MODELS = Buffer.from(JSON.stringify({ object: 'list', data: [{ id: 'instant', object: 'model' }] }));

const server = createServer((request, response) => {
  const body = request.method === 'GET' ? MODELS : ANSWER;
  request.resume();
  request.on('end', () => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
    response.end(body);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1');
await once(server, 'listening');
process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1\n`);
process.stdin.resume();
process.stdin.once('end', () => process.exit());
