import type { ExecutorHealth, FailureClass, InferenceEndpoint } from '@llm-engine/contracts';
import type { Latency } from './latency.ts';

/** One model of the mock, and how it behaves. */
export interface MockModel {
  readonly id: string;
  /** Before an answer, or before the first chunk of one. Default none. */
  readonly latency?: Latency;
  /** Before each streamed token. Default none. */
  readonly tokenLatency?: Latency;
  /** The share of requests that fail with each class, from 0 to 1; at most 1 in all. Default none. */
  readonly failureRates?: Readonly<Partial<Record<FailureClass, number>>>;
  /** Whether a fine-tune can start from it. Default true. */
  readonly trainable?: boolean;
  readonly training?: MockTraining;
  /** The queue pool of its jobs. Default `default`. */
  readonly pool?: string;
  /** The inference endpoints that it answers. Default all. */
  readonly apis?: readonly InferenceEndpoint[];
  readonly ownedBy?: string;
}

/** How a fine-tune run goes. A request's hyperparameters `mock_steps`, `mock_step_ms` and `mock_fail_at_step` come first. */
export interface MockTraining {
  /** Default 20. */
  readonly steps?: number;
  /** How long one step takes, in milliseconds. Default 50. */
  readonly stepMs?: number;
  /** A checkpoint is reported after every so many steps. Default 10. */
  readonly checkpointEvery?: number;
}

export interface MockExecutorOptions {
  /** Default `mock`. */
  readonly name?: string;
  /** Default one, named `mock`. */
  readonly models?: readonly MockModel[];
  /** The same seed gives the same sequence of latencies and failures. Default 1. */
  readonly seed?: number;
  /** Requests at once; more wait their turn. Default 1,000. */
  readonly concurrency?: number;
  /** Whether the case `crash` may kill this process. Default false. */
  readonly allowCrash?: boolean;
  /** What `healthCheck` says. Default `pass`. */
  readonly health?: () => Pick<ExecutorHealth, 'status' | 'detail'>;
}
