import { setTimeout as sleep } from 'node:timers/promises';
import { isBatchEnd } from '@llm-engine/contracts';
import type { BatchesClient } from './batches-client.ts';
import { patiently } from './patiently.ts';
import type { Patience } from './patiently.ts';
import type { WireBatch } from './wire-batches.ts';

interface FollowBatchOptions extends Patience {
  readonly signal: AbortSignal;
  /** First wait between two looks, in milliseconds; it grows up to a second. Default 100. */
  readonly firstLookMs?: number;
}

const FIRST_LOOK_MS = 100;
const LOOK_CAP_MS = 1_000;
const GROWTH = 1.5;

/** A batch as it is now and then, its end last. The engine may be away meanwhile, for however long. */
export async function* followBatch(
  client: Pick<BatchesClient, 'get'>,
  batch: WireBatch,
  { firstLookMs = FIRST_LOOK_MS, ...patience }: FollowBatchOptions,
): AsyncGenerator<WireBatch> {
  const { signal } = patience;
  let latest = batch;
  for (let waitMs = firstLookMs; ; waitMs = Math.min(waitMs * GROWTH, LOOK_CAP_MS)) {
    yield latest;
    if (isBatchEnd(latest.status)) return;
    await sleep(waitMs * (0.8 + Math.random() / 5), undefined, { signal });
    latest = await patiently(() => client.get(batch.id, signal), patience);
  }
}
