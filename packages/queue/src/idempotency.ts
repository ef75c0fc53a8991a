import { createHash } from 'node:crypto';
import { EngineError } from '@llm-engine/contracts';
import type { JobPayload } from '@llm-engine/contracts';
import type { QueueConnection } from './connection.ts';

const KEPT_MS = 24 * 3_600_000;

interface Claim {
  readonly owner: string;
  readonly key: string;
  readonly jobId: string;
  readonly payload: JobPayload;
}

/**
 * Ties an idempotency key to a job for a day. Resolves with the id that the key stands for: the claim's own when it is the first.
 * The tie is made before the job is added, so that a producer that dies in between is completed by the next try.
 */
export async function claimKey({ redis, keys }: QueueConnection, claim: Claim): Promise<string> {
  const name = keys.idempotency(claim.owner, claim.key);
  const hash = createHash('sha256').update(JSON.stringify(claim.payload)).digest('base64url');
  const replies = await redis.pipeline().set(name, `${claim.jobId} ${hash}`, 'PX', KEPT_MS, 'NX').get(name).exec();
  const [tied, read] = replies ?? [];
  if (tied === undefined || read === undefined) throw new Error('Redis answered nothing');
  // A Redis that is full refuses the tie and still answers the read.
  const error = tied[0] ?? read[0];
  if (error !== null) throw error;
  const held = read[1];
  const [jobId, heldHash] = String(held).split(' ');
  if (jobId === undefined || heldHash !== hash) {
    throw new EngineError(
      'idempotency_conflict',
      `The idempotency key '${claim.key}' was used for another payload within the last day. Use a new key, or send the same payload.`,
      { param: 'idempotency_key' },
    );
  }
  return jobId;
}
