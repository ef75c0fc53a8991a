import type { Completed, InferencePayload, JobRef } from '@llm-engine/contracts';
import type { ModelExecutor } from '@llm-engine/executors';
import type { Lease } from '@llm-engine/queue';

/** Hears of the time between two chunks of an answer, in seconds. */
export type OnChunkGap = (ref: JobRef, seconds: number) => void;

/** Asks the model once; chunks go out while they come. */
export function runInference(
  lease: Pick<Lease, 'id' | 'ref' | 'signal' | 'publish'>,
  { endpoint, body, priority }: InferencePayload,
  executor: Pick<ModelExecutor, 'infer'>,
  onChunkGap: OnChunkGap,
): Promise<Completed> {
  const request = { jobId: lease.id, endpoint, body, priority };
  const { signal } = lease;
  if (body.stream !== true) return executor.infer(request, { signal });

  let last: number | undefined;
  return executor.infer(request, {
    signal,
    onChunk: (chunk) => {
      lease.publish(chunk);
      const now = performance.now();
      if (last !== undefined) onChunkGap(lease.ref, (now - last) / 1_000);
      last = now;
    },
  });
}
