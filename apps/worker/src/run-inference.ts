import type { Completed, InferencePayload } from '@llm-engine/contracts';
import type { ModelExecutor } from '@llm-engine/executors';
import type { Lease } from '@llm-engine/queue';

/** Asks the model once; chunks go out while they come. */
export function runInference(
  lease: Lease,
  { endpoint, body }: InferencePayload,
  executor: ModelExecutor,
): Promise<Completed> {
  const request = { jobId: lease.id, endpoint, body };
  return executor.infer(request, {
    signal: lease.signal,
    ...(body.stream === true && { onChunk: lease.publish }),
  });
}
