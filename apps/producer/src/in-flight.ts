import type { ServerResponse } from 'node:http';
import { EngineError } from '@llm-engine/contracts';

/** One request that waits for its job. */
export interface Wait extends Disposable {
  /** Aborts when the client goes away or the server has no more time; the reason is the error to answer with. */
  readonly signal: AbortSignal;
  /** Whether there is nobody left to answer. */
  readonly gone: boolean;
}

/** All requests that wait for jobs, so that a server that stops can end them. */
export class InFlight {
  readonly #waits = new Set<AbortController>();
  #stopped = false;

  /** Dispose of the wait when the request is answered. */
  enter(response: ServerResponse): Wait {
    const controller = new AbortController();
    const { signal } = controller;
    let gone = false;
    const onClose = (): void => {
      gone = true;
      controller.abort(new EngineError('job_cancelled', 'The client went away.'));
    };
    response.once('close', onClose);
    this.#waits.add(controller);
    if (this.#stopped) controller.abort(stopping());
    return {
      signal,
      get gone() {
        return gone;
      },
      [Symbol.dispose]: () => {
        response.off('close', onClose);
        this.#waits.delete(controller);
      },
    };
  }

  /** Ends every wait, those included that begin from now on. */
  stop(): void {
    this.#stopped = true;
    for (const wait of this.#waits) wait.abort(stopping());
  }
}

function stopping(): EngineError {
  return new EngineError(
    'shutting_down',
    'This server is shutting down. Send the request again: another one takes it.',
    {
      retryAfterMs: 1_000,
    },
  );
}
