import type { HealthReport, Job, JobRecord, OnBatchEvent, OnJobEvent, StorageSettings } from '@llm-engine/contracts';
import { createLogger, createMetrics, observeBatches, observeJobs, troubleLog } from '@llm-engine/observability';
import type { Logger, Metrics } from '@llm-engine/observability';
import { FINE_TUNE_QUEUE, Inspector, Producer, QueueConnection } from '@llm-engine/queue';
import type {
  JobFilter,
  JobHandle,
  JobPage,
  QueueConnectionOptions,
  StreamEvent,
  StreamOptions,
  WaitOptions,
} from '@llm-engine/queue';
import { askingOf } from './asking.ts';
import type { Asking } from './asking.ts';
import { BatchHandle } from './batch-handle.ts';
import type { BatchFile, BatchTools } from './batch-handle.ts';
import { GroupHandle } from './group-handle.ts';
import type { GroupOptions, GroupTools } from './group-handle.ts';
import { fineTuneSubmission, submissionOf } from './jobs.ts';
import type { BatchJob, FineTuneJob, InferenceJob } from './jobs.ts';
import { EngineView } from './engine-view.ts';
import { noStorage, openStorage } from './open-storage.ts';
import type { ControllerStorage } from './open-storage.ts';
import { submitFile } from './submit-file.ts';
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
  /** How long Redis and the database may take to answer, in milliseconds. Default 10 s. */
  readonly connectTimeoutMs?: number;
  /** Where the engine keeps batches and groups, as its producer is told. Without it there are none of them. */
  readonly storage?: StorageSettings;
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

const DEFAULT_OWNER = 'default';
/** How long a job should wait at most, in seconds, as the metrics say it. */
const WAIT_SLO_SECONDS = { inference: 60, fineTune: 3_600 };

/**
 * The one object that a service embeds to use an engine.
 * 1. Submits inference jobs and fine-tunes; with a storage also many jobs as one, and files of requests.
 * 2. Follows a job by its id: status, end, chunks, cancellation, another try.
 * 3. Says how the engine is: health, metrics, probes.
 *
 * ```ts
 * await using controller = await EngineController.connect({ redisUrl: 'redis://127.0.0.1:6379' });
 * const job = await controller.submitFineTuneJob({ baseModel: 'mock', datasetPath: '/data/train.jsonl' });
 * const { state } = await controller.waitForJob(job.id);
 * ```
 *
 * Every method rejects with an `EngineError`, whose `code` is stable; `queue_unavailable` while Redis is out of reach, and
 * `storage_unavailable` while the database is.
 */
export class EngineController implements AsyncDisposable {
  readonly #producer: Producer;
  readonly #inspector: Inspector;
  readonly #metrics: Metrics;
  readonly #health: SystemHealthReporter;
  readonly #owner: string;
  readonly #asking: Asking;
  readonly #onJobEvent: OnJobEvent;
  readonly #onBatchEvent: OnBatchEvent;
  readonly #onTrouble: (source: string, error: Error) => void;
  readonly #resources = new AsyncDisposableStack();
  #storage: ControllerStorage | undefined;

  /** On a connection that somebody else owns and closes. */
  constructor(connection: QueueConnection, options: ControllerOptions = {}) {
    const {
      owner = DEFAULT_OWNER,
      logger = createLogger({ service: 'controller', level: 'silent' }),
      onEvent,
    } = options;
    this.#owner = owner;
    this.#asking = askingOf(connection);
    this.#metrics = createMetrics({ service: 'controller', version: VERSION });
    const observe = observeJobs(this.#metrics, logger);
    this.#onTrouble = troubleLog(logger);
    this.#onBatchEvent = observeBatches(this.#metrics, logger);
    this.#onJobEvent = (event) => {
      observe(event);
      onEvent?.(event);
    };
    this.#producer = new Producer(connection, { owner, onEvent: this.#onJobEvent });
    this.#inspector = new Inspector(connection, { onEvent: (event) => observe(event) });
    const view = new EngineView(connection);
    this.#health = new SystemHealthReporter(view, { serviceId: 'controller', version: VERSION });
    this.#metrics.watchQueues({
      read: async () => {
        const [queues, workers] = await Promise.all([view.queues(), view.workers()]);
        return { queues, workers };
      },
      waitSloSeconds: (queue) => (queue === FINE_TUNE_QUEUE ? WAIT_SLO_SECONDS.fineTune : WAIT_SLO_SECONDS.inference),
      onTrouble: (error) => this.#onTrouble('queue gauges', error),
    });
  }

  /**
   * Connects to an engine by its Redis, and its storage where that is given. Rejects with `queue_unavailable` or
   * `storage_unavailable` when one of them does not answer in time, and with `invalid_config`.
   */
  static async connect({ connectTimeoutMs = 10_000, storage, ...options }: ConnectOptions): Promise<EngineController> {
    await using connecting = new AsyncDisposableStack();
    const connection = connecting.use(new QueueConnection(options));
    await connection.waitUntilReady(connectTimeoutMs);
    const controller = new EngineController(connection, options);
    if (storage !== undefined) {
      controller.#storage = connecting.use(
        await openStorage({
          ...storage,
          connection,
          connectTimeoutMs,
          onEvent: controller.#onBatchEvent,
          onJobEvent: controller.#onJobEvent,
          onTrouble: (error) => controller.#onTrouble('storage', error),
        }),
      );
    }
    controller.#resources.use(connecting.move());
    return controller;
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
   * Submits many jobs at once, each for itself. All are checked before the first is accepted. Resolves with a handle for each, in
   * order.
   */
  submitJobs(jobs: readonly BatchJob[]): Promise<JobHandle[]> {
    return this.#producer.submitMany(jobs.map(submissionOf));
  }

  /**
   * Submits many jobs as one group, such as a training run for each of several datasets, or a sweep; 1 to 10,000, all of which
   * are checked before any is accepted. They have one status with counts, tokens and the best result, are cancelled as one, and
   * come back when Redis has lost them. Throws `storage_not_configured`, `invalid_request`, `model_not_found`,
   * `idempotency_conflict`.
   */
  submitBatch(jobs: readonly BatchJob[], options?: GroupOptions): Promise<GroupHandle>;
  /**
   * Runs every line of a file, as OpenAI's batches do. Resolves when the file is kept; it is checked afterwards, and a batch with a
   * wrong line ends as `failed` with all of them in `errors`. Throws `storage_not_configured`, `invalid_request`,
   * `file_too_large`.
   *
   * ```ts
   * const batch = await controller.submitBatch({ file: 'requests.jsonl', endpoint: '/v1/chat/completions' });
   * await batch.wait({ onProgress: ({ request_counts: { completed, total } }) => console.log(completed, 'of', total) });
   * await pipeline(await batch.output(), createWriteStream('results.jsonl'));
   * ```
   */
  submitBatch(batch: BatchFile): Promise<BatchHandle>;
  async submitBatch(
    submitted: readonly BatchJob[] | BatchFile,
    { idempotencyKey, ...options }: GroupOptions = {},
  ): Promise<GroupHandle | BatchHandle> {
    if (!isJobs(submitted)) return submitFile(submitted, this.#batchTools());
    const tools = this.#groupTools();
    const request = { ...options, jobs: submitted.map(submissionOf) };
    const { id } = await this.#asking(() => tools.groups.create(this.#owner, request, { idempotencyKey }));
    return GroupHandle.of(id, tools);
  }

  /** A handle on any group, by its id. Throws `storage_not_configured`, `group_not_found`. */
  async group(id: string): Promise<GroupHandle> {
    return GroupHandle.of(id, this.#groupTools());
  }

  /** A handle on any batch, by its id. Throws `storage_not_configured`, `batch_not_found`. */
  async batch(id: string): Promise<BatchHandle> {
    const batch = new BatchHandle(id, this.#batchTools());
    await batch.status();
    return batch;
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

  /** Closes the connections that are the controller's own. Jobs, groups and batches go on without it. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }

  #groupTools(): GroupTools {
    if (this.#storage === undefined) throw noStorage();
    const { groups } = this.#storage;
    return { owner: this.#owner, groups, producer: this.#producer, asking: this.#asking };
  }

  #batchTools(): BatchTools {
    if (this.#storage === undefined) throw noStorage();
    const { batches, files } = this.#storage;
    return { owner: this.#owner, batches, files, asking: this.#asking };
  }
}

function isJobs(submitted: readonly BatchJob[] | BatchFile): submitted is readonly BatchJob[] {
  return Array.isArray(submitted);
}
