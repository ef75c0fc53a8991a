import { errorBody } from '@llm-engine/contracts';
import type { Failure, UpstreamAnswer } from '@llm-engine/contracts';
import type { Reply } from './exchange.ts';
import { parseJson } from './json.ts';

/** An error's body is kept with each line of a batch that failed by it. */
const MAX_BODY_BYTES = 64 * 1024;

/** What the server answered instead of a result. Where it refused the engine's key, our own words: it may quote the key. */
export function upstreamAnswer({ status, body }: Reply, failure: Failure): UpstreamAnswer {
  if (failure.class === 'unauthorized' || failure.class === 'forbidden') return { status, body: errorBody(failure) };
  if (body.length > MAX_BODY_BYTES) return { status, body: beginningOf(body) };
  const text = body.toString('utf8');
  return { status, body: parseJson(text) ?? text };
}

/** Whole characters only. */
function beginningOf(body: Buffer): string {
  return new TextDecoder().decode(body.subarray(0, MAX_BODY_BYTES), { stream: true });
}
