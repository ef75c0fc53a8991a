import { EngineError } from '@llm-engine/contracts';
import type { FastifyInstance } from 'fastify';

/**
 * Takes JSON and nothing else. An empty body is no body: a client that always names a content type may still send nothing.
 * Fastify's own parser does the work, since it refuses keys that would change an object's prototype.
 */
export function acceptJson(server: FastifyInstance): void {
  const parse = server.getDefaultJsonParser('error', 'error');
  server.removeAllContentTypeParsers();
  server.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body.length === 0) done(null, undefined);
    else void parse(request, body, (error, value) => (error ? done(invalidJson(body, error)) : done(null, value)));
  });
}

/** Parses once more to learn where the fault is; the text itself is not repeated, since it may hold a prompt. */
function invalidJson(body: string, cause: Error): EngineError {
  let place = '';
  try {
    JSON.parse(body);
    place = ': it has a key that is not allowed (`__proto__`, or `constructor` with a `prototype`)';
  } catch (error) {
    const [at] = /at position \d+(?: \(line \d+ column \d+\))?/.exec(String(error)) ?? [];
    if (at !== undefined) place = `, ${at}`;
  }
  return new EngineError('invalid_json', `The request body is not valid JSON${place}.`, { cause });
}
