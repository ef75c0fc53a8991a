/** The queue that fine-tunes wait in. */
export const FINE_TUNE_QUEUE = 'fine-tune';
const INFERENCE_PREFIX = 'inference.';

/** Each pool has a queue of its own, so that a slow model never blocks a fast one. */
export function inferenceQueue(pool: string): string {
  return `${INFERENCE_PREFIX}${pool}`;
}

export const DEFAULT_PREFIX = 'llm-engine';

/**
 * Every Redis key and channel of an engine. The prefix is a hash tag: on Redis Cluster all of an engine lies in one slot,
 * so that its scripts may touch several keys.
 */
export class Keys {
  /** BullMQ's own prefix: its keys are `<base>:<queue>:...`. */
  readonly base: string;
  /** Set of the names of all queues. */
  readonly queues: string;
  /** Hash: model id -> ModelInfo with the time it was announced. */
  readonly models: string;
  /** Sorted set: worker id by the time of its last heartbeat. */
  readonly workers: string;
  /** Sorted set: ids of cancelled jobs by the time of their end, since BullMQ knows no such state. */
  readonly cancelled: string;
  /** Channel: ids of jobs that must stop. */
  readonly cancelChannel: string;

  constructor(prefix: string) {
    this.base = `{${prefix}}`;
    this.queues = `${this.base}:queues`;
    this.models = `${this.base}:models`;
    this.workers = `${this.base}:workers`;
    this.cancelled = `${this.base}:cancelled`;
    this.cancelChannel = `${this.base}:cancel`;
  }

  /** String: the JobRecord that a job ended with. The one truth about its end. */
  record(jobId: string): string {
    return `${this.base}:record:${jobId}`;
  }

  /** Stream: chunks of a job that streams. */
  stream(jobId: string): string {
    return `${this.base}:stream:${jobId}`;
  }

  /** Channel: chunks and the end of one job. */
  wake(jobId: string): string {
    return `${this.base}:wake:${jobId}`;
  }

  /** Channel: ends of the jobs that one process waits for. */
  reply(address: string): string {
    return `${this.base}:reply:${address}`;
  }

  /** List: errors of the attempts that failed. */
  attemptErrors(jobId: string): string {
    return `${this.base}:attempt-errors:${jobId}`;
  }

  /** Counter: runs in quarantine that were begun and not ended. */
  quarantine(jobId: string): string {
    return `${this.base}:quarantine:${jobId}`;
  }

  /** String: which job, with which payload, an idempotency key stands for. */
  idempotency(owner: string, key: string): string {
    return `${this.base}:idempotency:${owner}:${key}`;
  }

  /** String: a worker's last heartbeat. */
  worker(workerId: string): string {
    return `${this.base}:worker:${workerId}`;
  }

  /** String: how many requests an endpoint takes, and which worker may have how many of them. */
  limit(endpoint: string): string {
    return `${this.base}:limit:${endpoint}`;
  }

  /** Hash: BullMQ's job. */
  bullJob(queue: string, jobId: string): string {
    return `${this.base}:${queue}:${jobId}`;
  }
}
