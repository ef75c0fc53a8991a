import { setTimeout as sleep } from 'node:timers/promises';
import { FailureError, errorBody, isRetryable } from '@llm-engine/contracts';
import type { Completed, InferenceBody, InferenceEndpoint, Priority } from '@llm-engine/contracts';
import type { ModelExecutor } from '@llm-engine/executors';
import type { LineTokens } from '@llm-engine/contracts';
import { lineBackoff } from './backoff.ts';
import { requestId, resultLine } from './input/request-line.ts';
import type { Slots } from './slots.ts';

export interface LineToRun {
  /** Unique in the engine, and the same in each run of the line. */
  readonly id: string;
  readonly customId: string;
  readonly endpoint: InferenceEndpoint;
  readonly body: InferenceBody;
  readonly priority: Priority;
}

export interface LineTools {
  readonly executor: Pick<ModelExecutor, 'infer'>;
  readonly slots: Pick<Slots, 'leave' | 'reenter'>;
  readonly signal: AbortSignal;
}

export interface LineEnd {
  readonly failed: boolean;
  /** One JSON line, with its newline. */
  readonly bytes: Buffer;
  readonly tokens: LineTokens;
}

/** How often a line is tried whose failure may pass. */
const TRIES = 5;
/** A server that says that it is too busy is asked more often: by Retry-After and back-off this takes minutes. */
const TRIES_WHEN_BUSY = 20;
const NO_TOKENS: LineTokens = { input: 0, cached: 0, output: 0, reasoning: 0 };

/**
 * One line, from its request to its result. Holds a slot while it is asked, and none while it waits to be tried again.
 * A request that never reached the server does not count as a try: while a model server is down its batches wait, until their
 * window ends. Rejects only when the signal aborts, or for a defect.
 */
export async function runLine(line: LineToRun, { executor, slots, signal }: LineTools): Promise<LineEnd> {
  const request = { jobId: line.id, endpoint: line.endpoint, body: line.body, priority: line.priority };
  let tries = 0;
  let unsent = 0;
  for (;;) {
    try {
      return answered(line, await executor.infer(request, { signal }));
    } catch (error) {
      if (!(error instanceof FailureError)) throw error;
      signal.throwIfAborted();
      if (error.sent) tries += 1;
      else unsent += 1;
      if (!isRetryable(error.failure) || tries >= triesOf(error)) return refused(line, error);
      slots.leave();
      try {
        await sleep(lineBackoff(error.sent ? tries : unsent, error.failure.retryAfterMs), undefined, { signal });
      } finally {
        // Without waiting: it goes before lines that have not begun, and the few too many that this makes wait at the endpoint.
        slots.reenter();
      }
    }
  }
}

/** A line that is not run, because it kills the workers that run it. */
export function crashed(line: Pick<LineToRun, 'id' | 'customId'>): LineEnd {
  return unanswered(line, {
    code: 'worker_crashed',
    message: 'The workers that ran this line died, one after the other, so it is not run again. Look at their logs.',
  });
}

function triesOf({ failure }: FailureError): number {
  return failure.class === 'rate_limited' || failure.class === 'overloaded' ? TRIES_WHEN_BUSY : TRIES;
}

function answered(line: LineToRun, { result, usage }: Completed): LineEnd {
  let text: string;
  try {
    text = resultLine(line, { kind: 'answered', status: 200, requestId: requestId(line.id), body: result });
  } catch (error) {
    // An answer that is nested some thousand levels deep can be read, and not be written.
    const message = `The answer of the model server cannot be written as JSON: ${error instanceof Error ? error.message : String(error)}.`;
    return unanswered(line, { code: 'malformed_response', message });
  }
  return {
    failed: false,
    bytes: Buffer.from(text),
    tokens: { input: usage?.promptTokens ?? 0, output: usage?.completionTokens ?? 0, ...detailsIn(result) },
  };
}

function unanswered(
  line: Pick<LineToRun, 'id' | 'customId'>,
  error: { readonly code: string; readonly message: string },
): LineEnd {
  return { failed: true, bytes: Buffer.from(resultLine(line, { kind: 'unanswered', error })), tokens: NO_TOKENS };
}

/** What the server answered, where it did; else why it did not. */
function refused(line: LineToRun, { failure, upstream }: FailureError): LineEnd {
  if (upstream === undefined) return unanswered(line, { code: failure.code, message: failure.message });
  const body = isObject(upstream.body) ? upstream.body : errorBody(failure);
  const text = resultLine(line, { kind: 'answered', status: upstream.status, requestId: requestId(line.id), body });
  return { failed: true, bytes: Buffer.from(text), tokens: NO_TOKENS };
}

function detailsIn(result: unknown): Pick<LineTokens, 'cached' | 'reasoning'> {
  const usage = isObject(result) ? result['usage'] : undefined;
  if (!isObject(usage)) return { cached: 0, reasoning: 0 };
  return {
    cached: countIn(usage['prompt_tokens_details'], 'cached_tokens'),
    reasoning: countIn(usage['completion_tokens_details'], 'reasoning_tokens'),
  };
}

function countIn(details: unknown, name: string): number {
  const count = isObject(details) ? details[name] : undefined;
  return typeof count === 'number' && Number.isSafeInteger(count) && count > 0 ? count : 0;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
