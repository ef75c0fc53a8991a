import { FailureError, INFERENCE_ENDPOINTS, failure } from '@llm-engine/contracts';
import type { Completed, ExecutorHealth, FailureClass, ModelInfo } from '@llm-engine/contracts';
import { sleep, throwIfAborted } from '../abort.ts';
import type { FineTuneRun, InferContext, InferRequest, ModelExecutor, RunEvent, RunStatus } from '../executor.ts';
import { SlotQueue } from '../slots.ts';
import type { SlotHolder, SlotSource } from '../slots.ts';
import { drawLatency } from './latency.ts';
import { seededRandom } from './random.ts';
import type { Random } from './random.ts';
import { FAILURE_CLASSES, readScript } from './script.ts';
import { ScriptPlayer, drawnFailure } from './script-player.ts';
import { speak, tokenMs } from './speak.ts';
import type { MockExecutorOptions, MockModel } from './settings.ts';
import { TrainingRuns } from './training-runs.ts';

/** What was decided about a request when it came, so that the same seed decides the same. */
interface Draw {
  readonly latencyMs: number;
  readonly failure: FailureClass | undefined;
  readonly random: Random;
}

/**
 * Models that need no model:
 * 1. answers all endpoints, with latencies and failures drawn from a seed;
 * 2. plays the case that a request asks for in its field `mock` (docs/mock-executor.md);
 * 3. runs fine-tunes in memory.
 */
export class MockExecutor implements ModelExecutor {
  readonly name: string;
  readonly #models: ReadonlyMap<string, MockModel>;
  readonly #options: MockExecutorOptions;
  readonly #random: Random;
  readonly #places: Places;
  readonly #slots = new SlotQueue<Places>();
  readonly #runs = new TrainingRuns();
  readonly #closed = new AbortController();
  readonly #created = Math.floor(Date.now() / 1000);
  readonly #player: ScriptPlayer;

  constructor(options: MockExecutorOptions = {}) {
    this.name = options.name ?? 'mock';
    this.#options = options;
    this.#models = new Map((options.models ?? [{ id: 'mock' }]).map((model) => [model.id, model]));
    this.#player = new ScriptPlayer({ allowCrash: options.allowCrash ?? false });
    this.#random = seededRandom(options.seed ?? 1);
    this.#places = new Places(options.concurrency ?? 1000);
  }

  async models(signal: AbortSignal): Promise<readonly ModelInfo[]> {
    throwIfAborted(signal);
    const trained = this.#runs.trained().flatMap(({ model, base }) => {
      const settings = this.#models.get(base);
      return settings === undefined ? [] : [this.#info({ ...settings, id: model, ownedBy: 'llm-engine' })];
    });
    return [...[...this.#models.values()].map((model) => this.#info(model)), ...trained];
  }

  async infer(request: InferRequest, { signal, onChunk }: InferContext): Promise<Completed> {
    const model = this.#model(request.body.model);
    const script = readScript(request.body);
    const draw = this.#draw(model);
    const stop = AbortSignal.any([signal, this.#closed.signal]);
    const places = await this.#slots.acquire(this.#places, request.priority, stop);
    try {
      await sleep(script.case === 'slow' ? script.ms : draw.latencyMs, stop);
      if (draw.failure !== undefined) throw drawnFailure(draw.failure);
      return await speak(request, {
        script,
        play: () => this.#player.play(request.jobId, script, stop),
        pause: () => sleep(tokenMs(script, model, draw.random), stop),
        onChunk,
      });
    } finally {
      places.inUse -= 1;
      this.#slots.admit();
    }
  }

  async fineTune(run: FineTuneRun, signal: AbortSignal): Promise<string> {
    throwIfAborted(signal);
    this.#closed.signal.throwIfAborted();
    const model = this.#model(run.request.model);
    if (model.trainable === false) {
      const message = `The model '${model.id}' cannot be fine-tuned; set 'trainable: true' for it, or name another base model.`;
      throw new FailureError(failure('unsupported', message, { param: 'model' }));
    }
    return this.#runs.start(run, model.training ?? {});
  }

  async getJobStatus(runId: string, signal: AbortSignal): Promise<RunStatus | undefined> {
    throwIfAborted(signal);
    return this.#runs.status(runId);
  }

  watchJob(runId: string, options: { readonly from: number; readonly signal: AbortSignal }): AsyncIterable<RunEvent> {
    return this.#runs.watch(runId, options.from, options.signal);
  }

  async cancelJob(runId: string): Promise<void> {
    this.#runs.cancel(runId);
  }

  async healthCheck(signal: AbortSignal): Promise<ExecutorHealth> {
    throwIfAborted(signal);
    const { status, detail } = this.#options.health?.() ?? { status: 'pass' };
    return {
      executor: this.name,
      status,
      ...(detail === undefined ? {} : { detail }),
      slots: this.#places.size,
      slotsInUse: this.#places.inUse,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const message = `The executor '${this.name}' was closed while the request ran; another attempt runs it again.`;
    const error = new FailureError(failure('connection', message));
    this.#closed.abort(error);
    this.#slots.close(error);
    await this.#runs.close(error);
  }

  #draw(model: MockModel): Draw {
    const latencyMs = model.latency === undefined ? 0 : drawLatency(model.latency, this.#random);
    let roll = this.#random();
    const failed = FAILURE_CLASSES.find((name) => (roll -= model.failureRates?.[name] ?? 0) < 0);
    // The chunks of requests that run at once must not take draws from one another.
    const random = seededRandom(Math.floor(this.#random() * 2 ** 32));
    return { latencyMs, failure: failed, random };
  }

  #model(id: string): MockModel {
    const base = (): string => this.#runs.trained().find(({ model }) => model === id)?.base ?? id;
    const model = this.#models.get(id) ?? this.#models.get(base());
    if (model !== undefined) return model;
    const known = [...this.#models.keys()].join(', ');
    const message = `The executor '${this.name}' does not serve the model '${id}'; it serves ${known}.`;
    throw new FailureError(failure('not_found', message, { code: 'model_not_found', param: 'model' }));
  }

  #info({ id, pool, apis, trainable, ownedBy }: MockModel): ModelInfo {
    return {
      id,
      executor: this.name,
      pool: pool ?? 'default',
      endpoints: apis ?? INFERENCE_ENDPOINTS,
      trainable: trainable ?? true,
      ownedBy: ownedBy ?? 'llm-engine',
      created: this.#created,
    };
  }
}

/** All that it answers at once, for all models together. */
class Places implements SlotHolder, SlotSource<Places> {
  readonly size: number;
  readonly holders = [this];
  inUse = 0;

  constructor(size: number) {
    this.size = size;
  }

  choose(): Places | undefined {
    return this.inUse < this.size ? this : undefined;
  }

  take(): void {
    this.inUse += 1;
  }
}
