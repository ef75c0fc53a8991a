import type { HealthReport, Job, JobRecord, OnJobEvent } from '@llm-engine/contracts';
import { createLogger, createMetrics, observeJobs, troubleLog } from '@llm-engine/observability';
import type { Logger, Metrics } from '@llm-engine/observability';
import { FINE_TUNE_QUEUE, Inspector, Producer, QueueConnection, isOutage } from '@llm-engine/queue';
import type {
  JobFilter,
  JobHandle,
  JobPage,
  QueueConnectionOptions,
  StreamEvent,
  StreamOptions,
  WaitOptions,
} from '@llm-engine/queue';
import { fineTuneSubmission } from './jobs.ts';
import type { BatchJob, FineTuneJob, InferenceJob } from './jobs.ts';
import { EngineView } from './engine-view.ts';
import { SystemHealthReporter } from './system-health.ts';
import { VERSION } from './version.ts';

export interface ControllerOptions {
  /** Whose jobs these are. Default `default`. */
  readonly owner?: string;
  /** Gets a line for each job that is submitted. Default: none. */
  readonly logger?: Logger;
  /** Told of each job that is submitted or refused, beside logs and metrics. */
  readonly onEvent?: OnJobEvent;
}

/** Options of `EngineController.connect`. */
export interface ConnectOptions extends QueueConnectionOptions, ControllerOptions {
  /** How long Redis may take to answer, in milliseconds. Default 10 s. */
  readonly connectTimeoutMs?: number;
}

/** The report of `getSystemHealth`. */
export interface SystemHealth extends HealthReport {
  /** Whether nothing has failed; warnings are in the report. */
  readonly healthy: boolean;
}

/** The answer of `healthcheck`. */
export interface Healthcheck {
  readonly healthy: boolean;
  /** In words, why not. */
  readonly reason?: string;
}

/** How long a job should wait at most, in seconds, as the metrics say it. */
const WAIT_SLO_SECONDS = { inference: 60, fineTune: 3_600 };

/**
 * The one object that a service embeds to use an engine.
 * 1. Submits inference jobs, fine-tunes, and many jobs at once.
 * 2. Follows a job by its id: status, end, chunks, cancellation, another try.
 * 3. Says how the engine is: health, metrics, probes.
 *
 * ```ts
 * await using controller = await EngineController.connect({ redisUrl: 'redis://127.0.0.1:6379' });
 * const job = await controller.submitFineTuneJob({ baseModel: 'mock', datasetPath: '/data/train.jsonl' });
 * const { state } = await controller.waitForJob(job.id);
 * ```
 *
 * Every method rejects with an `EngineError`, whose `code` is stable; `queue_unavailable` while Redis is out of reach.
 */
export class EngineController implements AsyncDisposable {
  readonly #connection: QueueConnection;
  readonly #producer: Producer;
  readonly #inspector: Inspector;
  readonly #metrics: Metrics;
  readonly #health: SystemHealthReporter;
  readonly #owned: boolean;

  /** On a connection that somebody else owns and closes. */
  constructor(connection: QueueConnection, options: ControllerOptions = {}, owned = false) {
    const { owner, logger = createLogger({ service: 'controller', level: 'silent' }), onEvent } = options;
    this.#connection = connection;
    this.#owned = owned;
    this.#metrics = createMetrics({ service: 'controller', version: VERSION });
    const observe = observeJobs(this.#metrics, logger);
    const onTrouble = troubleLog(logger);
    this.#producer = new Producer(connection, {
      ...(owner !== undefined && { owner }),
      onEvent: (event) => {
        observe(event);
        onEvent?.(event);
      },
    });
    this.#inspector = new Inspector(connection, { onEvent: (event) => observe(event) });
    const view = new EngineView(connection);
    this.#health = new SystemHealthReporter(view, { serviceId: 'controller', version: VERSION });
    this.#metrics.watchQueues({
      read: async () => {
        const [queues, workers] = await Promise.all([view.queues(), view.workers()]);
        return { queues, workers };
      },
      waitSloSeconds: (queue) => (queue === FINE_TUNE_QUEUE ? WAIT_SLO_SECONDS.fineTune : WAIT_SLO_SECONDS.inference),
      onTrouble: (error) => onTrouble('queue gauges', error),
    });
  }

  /** Connects to an engine by its Redis. Rejects with `queue_unavailable` when that does not answer in time. */
  static async connect({ connectTimeoutMs = 10_000, ...options }: ConnectOptions): Promise<EngineController> {
    const connection = new QueueConnection(options);
    try {
      await connection.waitUntilReady(connectTimeoutMs);
    } catch (error) {
      await connection[Symbol.asyncDispose]();
      throw error;
    }
    return new EngineController(connection, options, true);
  }

  /**
   * Submits one request to a model: `{ endpoint: '/v1/chat/completions', body: { model, messages } }`. Resolves when the job is in
   * its queue, with a handle on it. Throws `invalid_request`, `model_not_found`, `idempotency_conflict`.
   */
  submitInferenceJob(job: InferenceJob): Promise<JobHandle> {
    return this.#producer.submit({ ...job, kind: 'inference' });
  }

  /**
   * Submits a training run. Resolves when the job is in its queue, with a handle on it. Throws `invalid_request`,
   * `model_not_found`, `idempotency_conflict`.
   */
  submitFineTuneJob(job: FineTuneJob): Promise<JobHandle> {
    return this.#producer.submit(fineTuneSubmission(job));
  }

  /**
   * Submits many jobs at once, such as one training run for each of several datasets. All are checked before the first is
   * accepted. Resolves with a handle for each, in order.
   */
  submitBatch(jobs: readonly BatchJob[]): Promise<JobHandle[]> {
    return this.#producer.submitMany(jobs.map((job) => (job.kind === 'inference' ? job : fineTuneSubmission(job))));
  }

  /** A job as it stands; one that succeeded with its `result`. Throws `job_not_found`. */
  getJobStatus(id: string): Promise<Job | JobRecord> {
    return this.#asking(() => this.#producer.job(id).status());
  }

  /**
   * Waits for the end of a job, however it ends: look at `state`. Throws `job_not_found`; `wait_timeout` after `timeoutMs`, when
   * the job goes on. An outage of Redis does not end the wait.
   */
  async waitForJob(id: string, options: WaitOptions = {}): Promise<JobRecord> {
    await this.getJobStatus(id);
    return this.#producer.job(id).result(options);
  }

  /**
   * The chunks of a job whose body asks for `stream: true`, from its start or after the chunk with number `after`, then an event
   * `end` with the job. Any number of readers, at any time; chunks are kept for ten minutes after the end. Throws `job_not_found`.
   */
  async *streamJob(id: string, options: StreamOptions = {}): AsyncGenerator<StreamEvent> {
    await this.getJobStatus(id);
    yield* this.#producer.job(id).stream(options);
  }

  /** Cancels a job that has not ended, wherever it runs. Throws `job_not_found`, `job_already_finished`. */
  cancelJob(id: string): Promise<JobRecord> {
    return this.#asking(() => this.#producer.job(id).cancel());
  }

  /** A page of jobs, newest first; narrowed by state, kind, queue and model. The next page begins `after` the last id of this one. */
  listJobs(filter: JobFilter = {}): Promise<JobPage> {
    return this.#asking(() => this.#inspector.jobs(filter));
  }

  /** Tries a failed job again, as a new job. Asked twice, it is the same new job. Throws `job_not_found`, `job_not_retryable`. */
  retryJob(id: string): Promise<JobHandle> {
    return this.#asking(() => this.#inspector.retry(id));
  }

  /** A report on Redis, workers, queues and executors, with what to do about each. Never rejects. */
  async getSystemHealth(): Promise<SystemHealth> {
    const report = await this.#health.report();
    return { ...report, healthy: report.status !== 'fail' };
  }

  /** Metrics in Prometheus's text format: the jobs that were submitted here, and the queues. */
  getMetrics(): Promise<string> {
    return this.#metrics.text();
  }

  /** The metrics of `getMetrics` as objects. */
  getMetricsJson(): Promise<unknown[]> {
    return this.#metrics.json();
  }

  /** For a probe of the service that embeds the controller: whether jobs can be submitted now. Never rejects; cheap. */
  async healthcheck(): Promise<Healthcheck> {
    try {
      await this.#inspector.redisLatencyMs();
      return { healthy: true };
    } catch (error) {
      return { healthy: false, reason: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Closes the connection, if it is the controller's own. Jobs go on without it. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#owned) await this.#connection[Symbol.asyncDispose]();
  }

  /** Turns what a Redis throws that is out of reach, or full, into `queue_unavailable`. */
  async #asking<Value>(ask: () => Promise<Value>): Promise<Value> {
    try {
      return await ask();
    } catch (error) {
      throw isOutage(error) ? this.#connection.unavailable(error) : error;
    }
  }
}
