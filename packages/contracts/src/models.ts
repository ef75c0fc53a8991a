import type { InferenceEndpoint } from './openai/common.ts';

/** A model that some worker can run, as workers announce it and producers route by it. */
export interface ModelInfo {
  readonly id: string;
  /** Name of the executor that runs it. */
  readonly executor: string;
  /** Its jobs go to the queue `inference.<pool>`. */
  readonly pool: string;
  readonly endpoints: readonly InferenceEndpoint[];
  /** Whether a fine-tune can start from it. */
  readonly trainable: boolean;
  readonly ownedBy: string;
  /** Unix seconds. */
  readonly created: number;
}
