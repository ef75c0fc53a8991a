import { EngineError, FailureError, failure } from '@llm-engine/contracts';
import type { JobRecord } from '@llm-engine/contracts';

/** What a succeeded job produced. Throws what a caller is answered with when it did not succeed. */
export function resultOf({ id, state, result, error }: JobRecord): unknown {
  switch (state) {
    case 'succeeded':
      return result;
    case 'failed':
      throw new FailureError(error ?? failure('internal', `The job '${id}' failed without saying why.`));
    case 'cancelled':
      throw new EngineError('job_cancelled', `The job '${id}' was cancelled before it ended. Submit it again.`);
  }
}
