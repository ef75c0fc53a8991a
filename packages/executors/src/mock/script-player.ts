import { FailureError, errorBody, failure } from '@llm-engine/contracts';
import type { Failure, FailureClass } from '@llm-engine/contracts';
import { abortError } from '../abort.ts';
import type { Script } from './script.ts';

/** Jobs whose scripted failures are counted; the oldest is forgotten first. */
const MAX_COUNTED_JOBS = 10_000;

/** Failures that a model server tells by an HTTP status. */
const ANSWERED: ReadonlySet<FailureClass> = new Set([
  'rate_limited',
  'overloaded',
  'server_error',
  'bad_request',
  'context_too_long',
  'unauthorized',
  'forbidden',
  'not_found',
  'too_large',
]);

/** Plays what a script says shall go wrong, and remembers how often it already did. */
export class ScriptPlayer {
  readonly #allowCrash: boolean;
  readonly #failures = new Map<string, number>();

  constructor({ allowCrash }: { readonly allowCrash: boolean }) {
    this.#allowCrash = allowCrash;
  }

  /** Returns when nothing goes wrong. */
  async play(jobId: string, script: Script, signal: AbortSignal): Promise<void> {
    if (script.case === 'fail' && this.#isDueToFail(jobId, script.times)) throw scriptedFailure(script);
    if (script.case === 'crash') this.#crash();
    if (script.case === 'crash' || script.case === 'hang') await untilStopped(signal);
  }

  #isDueToFail(jobId: string, times: number | undefined): boolean {
    if (times === undefined) return true;
    const failures = this.#failures.get(jobId) ?? 0;
    if (failures >= times) return false;
    this.#failures.set(jobId, failures + 1);
    const [oldest] = this.#failures.keys();
    if (this.#failures.size > MAX_COUNTED_JOBS && oldest !== undefined) this.#failures.delete(oldest);
    return true;
  }

  /** SIGKILL, because a crash gives nobody the time to clean up. */
  #crash(): void {
    if (this.#allowCrash) {
      process.kill(process.pid, 'SIGKILL');
      return;
    }
    const message =
      "The case 'crash' kills the process, which this mock may not do; set 'allowCrash: true' in the mock's settings.";
    throw new FailureError(failure('unsupported', message, { param: 'mock.case' }));
  }
}

/** A failure that the model's failure rates decided on. */
export function drawnFailure(failureClass: FailureClass): FailureError {
  return answeredFailure(
    failure(failureClass, `The mock failed with '${failureClass}', as its failure rates ask for.`),
  );
}

function scriptedFailure({
  class: failureClass,
  message,
  retryAfterMs,
}: Extract<Script, { case: 'fail' }>): FailureError {
  const text = message ?? `The mock failed with '${failureClass}', as the request asked for.`;
  return answeredFailure(failure(failureClass, text, retryAfterMs === undefined ? {} : { retryAfterMs }));
}

/** As a model server would have answered it, for the classes that stand for a status. */
function answeredFailure(cause: Failure): FailureError {
  if (!ANSWERED.has(cause.class)) return new FailureError(cause);
  return new FailureError(cause, { upstream: { status: cause.status, body: errorBody(cause) } });
}

function untilStopped(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(abortError(signal));
    signal.addEventListener('abort', () => reject(abortError(signal)), { once: true });
  });
}
