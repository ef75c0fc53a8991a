import type { ExecutorHealth } from './health.ts';

/** A worker's heartbeat: what it says of itself every few seconds. */
export interface WorkerStatus {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly pools: readonly string[];
  readonly queues: readonly WorkerQueueStatus[];
  readonly memoryBytes: number;
  /** 99th percentile since the last heartbeat, in milliseconds. */
  readonly eventLoopLagMs: number;
  readonly draining: boolean;
  readonly executors: readonly ExecutorHealth[];
  /** Unix milliseconds. */
  readonly startedAt: number;
  /** Unix milliseconds. */
  readonly beatAt: number;
}

export interface WorkerQueueStatus {
  readonly queue: string;
  readonly slots: number;
  /** Ids of the jobs that hold a slot; `busy` may be larger than this list, which is capped. */
  readonly jobs: readonly string[];
  readonly busy: number;
}
