import type { ModelInfo } from '@llm-engine/contracts';
import type { ExecutorRegistry } from '@llm-engine/executors';
import { MAINTENANCE_QUEUE } from '@llm-engine/queue';
import type { PlannedJobs, TaskOutcome, TaskRun, TaskSender } from '@llm-engine/queue';
import type { BatchTable, ChunkTable, EventTable, FileStore, GroupTable, ObjectStore } from '@llm-engine/storage';
import type { OnBatchEvent } from '@llm-engine/contracts';
import { Company } from './company.ts';
import { finaliseBatch } from './finalise.ts';
import type { BatchFileLimits } from './input/validate.ts';
import { ensure, reconcile } from './reconcile.ts';
import { runChunk } from './run-chunk.ts';
import { BatchStanding } from './standing.ts';
import { chunkTask, deliverTask, finaliseTask, reconcileTask } from './tasks.ts';
import { validateBatch } from './validate-batch.ts';
import type { WebhookSender } from './webhooks/webhook-sender.ts';

export interface BatchWorkerOptions {
  readonly batches: BatchTable;
  readonly chunks: ChunkTable;
  readonly events: EventTable;
  readonly groups: GroupTable;
  /** The jobs of groups. */
  readonly jobs: PlannedJobs;
  readonly files: FileStore;
  readonly objects: ObjectStore;
  readonly tasks: TaskSender;
  readonly executors: Pick<ExecutorRegistry, 'resolve'>;
  /** Throws `model_not_found`. */
  readonly requireModel: (id: string) => Promise<ModelInfo>;
  readonly onEvent: OnBatchEvent;
  /** Lines of one chunk that run at once. Default 64. */
  readonly linesAtOnce?: number;
  readonly limits?: Partial<BatchFileLimits>;
  /** Who is told of ends. Default: nobody. */
  readonly webhook?: WebhookSender;
  /** How often what has not ended is looked after, by whichever worker comes first. Default 10 s. */
  readonly reconcileEveryMs?: number;
}

const DONE: TaskOutcome = { kind: 'done' };
const DEFAULT_LINES_AT_ONCE = 64;
const DEFAULT_RECONCILE_MS = 10_000;

/**
 * Does the work of batches, a task at a time; which worker does which does not matter.
 * 1. `run` knows every task of batches by its name.
 * 2. `tick`, called every now and then by every worker, has somebody look after what has not ended.
 */
export class BatchWorker implements Disposable {
  readonly #options: BatchWorkerOptions;
  readonly #standing: BatchStanding;
  readonly #company = new Company();

  constructor(options: BatchWorkerOptions) {
    this.#options = options;
    this.#standing = new BatchStanding(options.batches, (error) =>
      options.onEvent({ type: 'trouble', source: 'looking at batches', error }),
    );
  }

  readonly run = async (task: TaskRun): Promise<TaskOutcome> => {
    const { name, data, signal } = task;
    const batchId = String(data['batchId']);
    switch (name) {
      case 'validate':
        return this.#validate(batchId, signal);
      case 'chunk':
        return this.#runChunk(task, batchId);
      case 'finalise':
        return this.#finalise(batchId);
      case 'deliver':
        return this.#options.webhook?.deliver(String(data['eventId']), signal) ?? DONE;
      case 'reconcile':
        return this.#look(Number(data['span']), signal);
    }
    throw new Error(`There is no task '${name}': it comes from a newer worker.`);
  };

  /** Adds the next look at what has not ended; one for all workers. */
  async tick(now: number = Date.now()): Promise<void> {
    const { queue, task } = reconcileTask(this.#options.reconcileEveryMs ?? DEFAULT_RECONCILE_MS, now);
    await this.#options.tasks.add(queue, [task]);
  }

  [Symbol.dispose](): void {
    this.#standing[Symbol.dispose]();
  }

  /** One that fails is not tried again: the next one is due in seconds, and while something is wrong they would pile up. */
  async #look(span: number, signal: AbortSignal): Promise<TaskOutcome> {
    try {
      await reconcile(span, this.#options, signal);
    } catch (error) {
      signal.throwIfAborted();
      const cause = error instanceof Error ? error : new Error(String(error));
      this.#options.onEvent({ type: 'trouble', source: 'looking after what has not ended', error: cause });
    }
    return DONE;
  }

  async #validate(batchId: string, signal: AbortSignal): Promise<TaskOutcome> {
    const { chunks, tasks } = this.#options;
    const batch = await validateBatch(batchId, signal, this.#options);
    if (batch === undefined) await this.#tell(batchId);
    else {
      const numbers = await chunks.unsealed(batchId);
      const placed = numbers.map((number) => chunkTask(batch, number));
      const [first] = placed;
      if (first !== undefined && batch.pausedAt === null)
        await tasks.add(
          first.queue,
          placed.map(({ task }) => task),
        );
    }
    return DONE;
  }

  #runChunk({ data, signal, draining }: TaskRun, batchId: string): Promise<TaskOutcome> {
    const { linesAtOnce = DEFAULT_LINES_AT_ONCE } = this.#options;
    return runChunk(
      { batchId, number: Number(data['number']), signal, draining },
      {
        ...this.#options,
        linesAtOnce,
        standing: this.#standing,
        company: this.#company,
        onSealed: (id) => this.#sealed(id),
      },
    );
  }

  /** Perhaps it was the last chunk. Should this worker die here, the next look finds it. */
  async #sealed(batchId: string): Promise<void> {
    const { batches, tasks } = this.#options;
    if (!(await batches.beginFinalizing(batchId, new Date()))) return;
    const { task } = finaliseTask(batchId);
    await tasks.add(MAINTENANCE_QUEUE, [task]);
  }

  async #finalise(batchId: string): Promise<TaskOutcome> {
    const startedAt = Date.now();
    const status = await finaliseBatch(batchId, this.#options);
    if (status === undefined) return DONE;
    this.#options.onEvent({ type: 'ended', batchId, status, runMs: Date.now() - startedAt });
    await this.#tell(batchId);
    return DONE;
  }

  /** Tells the webhook now. Should this worker die here, the next look does it. */
  async #tell(batchId: string): Promise<void> {
    const { events, tasks, webhook } = this.#options;
    if (webhook === undefined) return;
    const untold = (await events.of(batchId)).filter(({ deliverAt }) => deliverAt !== null);
    await ensure(
      untold.map(({ id }) => deliverTask(id)),
      tasks,
    );
  }
}
