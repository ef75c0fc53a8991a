import { stopReason } from '@llm-engine/contracts';
import type { ExecutorRegistry, ModelExecutor } from '@llm-engine/executors';
import type { TaskOutcome, TaskRun } from '@llm-engine/queue';
import type { ChunkTable, Claim, ObjectStore } from '@llm-engine/storage';
import type { OnBatchEvent } from '@llm-engine/contracts';
import { chunkLines } from './chunk-lines.ts';
import type { Company } from './company.ts';
import { parseRequestLine, resultId } from './input/request-line.ts';
import { Recorder } from './recorder.ts';
import { ChunkResults } from './results.ts';
import { crashed, runLine } from './run-line.ts';
import type { LineEnd, LineTools } from './run-line.ts';
import { sealChunk } from './seal.ts';
import { Slots } from './slots.ts';
import type { BatchStanding } from './standing.ts';

export interface ChunkTools {
  readonly chunks: ChunkTable;
  readonly objects: ObjectStore;
  readonly executors: Pick<ExecutorRegistry, 'resolve'>;
  readonly standing: BatchStanding;
  readonly onEvent: OnBatchEvent;
  /** A chunk is sealed: perhaps it was the last of its batch. */
  readonly onSealed: (batchId: string) => Promise<void>;
  /** Lines of one chunk that run at once. */
  readonly linesAtOnce: number;
  /** Of all lines in this process. */
  readonly company: Company;
}

export interface ChunkToRun extends RunSignals {
  readonly batchId: string;
  readonly number: number;
}

/** As of a task: `draining` lets the lines in flight end, `signal` stops them. */
type RunSignals = Pick<TaskRun, 'draining' | 'signal'>;

/** Its place in the chunk, from 0, and its bytes. */
type NumberedLine = readonly [line: number, bytes: Buffer];

const DONE: TaskOutcome = { kind: 'done' };
const HAND_OVER: TaskOutcome = { kind: 'again', delayMs: 100 };
/** A model that no executor of this worker has yet: its deployment may be under way. */
const MODEL_GONE: TaskOutcome = { kind: 'again', delayMs: 5_000 };
/** Owners that died without a word before the lines are run with care, to find the one that kills. */
const DEATHS_BEFORE_CARE = 5;
/** Workers that a line may outlive while it runs alone. */
const DEATHS_OF_A_LINE = 3;

/** One run of a chunk: takes it over, runs what is left of it, and seals it when nothing is. */
export async function runChunk({ batchId, number, ...signals }: ChunkToRun, tools: ChunkTools): Promise<TaskOutcome> {
  const claim = await tools.chunks.claim(batchId, number);
  if (claim === undefined) return DONE;
  const found = tools.executors.resolve(claim.batch.model ?? '');
  if (found === undefined) {
    await tools.chunks.handOver(claim);
    return MODEL_GONE;
  }
  return new ChunkRun(claim, found.executor, signals, tools).run();
}

/** A run of one chunk under one epoch. */
class ChunkRun {
  readonly #claim: Claim;
  readonly #executor: ModelExecutor;
  readonly #signal: AbortSignal;
  readonly #draining: AbortSignal;
  readonly #tools: ChunkTools;
  readonly #slots: Slots;
  readonly #results: ChunkResults;
  readonly #recorder: Recorder;
  /** Stops the lines in flight. */
  readonly #abort = new AbortController();
  readonly #startedAt = Date.now();
  /** Owner after owner has died, and some line may be why. */
  readonly #careful: boolean;
  #ended: number;
  #halted = false;
  #lost = false;
  #sealed = false;
  #defect: unknown;

  constructor(claim: Claim, executor: ModelExecutor, { signal, draining }: RunSignals, tools: ChunkTools) {
    this.#claim = claim;
    this.#executor = executor;
    this.#signal = signal;
    this.#draining = draining;
    this.#tools = tools;
    this.#slots = new Slots(tools.linesAtOnce);
    this.#results = new ChunkResults(tools.chunks, claim, claim.results);
    this.#ended = this.#results.size;
    this.#careful = claim.epoch - 1 - claim.chunk.progressEpoch >= DEATHS_BEFORE_CARE;
    this.#recorder = new Recorder({
      chunks: tools.chunks,
      hold: claim,
      careful: this.#careful,
      signal: this.#abort.signal,
      onRecorded: (ended) => tools.onEvent({ type: 'lines-ended', ...this.#ref, ...ended }),
      onFenced: () => this.#lose(),
      onDefect: (error) => this.#fail(error),
      onTrouble: (error) => tools.onEvent({ type: 'trouble', source: 'recording lines', error }),
    });
  }

  async run(): Promise<TaskOutcome> {
    const { batchId, chunk, epoch } = this.#claim;
    const { onEvent, standing } = this.#tools;
    const ref = this.#ref;
    onEvent({ type: 'chunk-started', ...ref, epoch, linesLeft: chunk.lines - this.#ended });
    const stop = (): void => this.#halt(true);
    const drain = (): void => this.#halt(false);
    this.#signal.addEventListener('abort', stop, { once: true });
    this.#draining.addEventListener('abort', drain, { once: true });
    using _following = standing.follow(batchId, (reason) => this.#halt(reason === 'closing'));
    try {
      if (this.#signal.aborted) stop();
      if (this.#draining.aborted) drain();
      await this.#runLines();
      await this.#recorder.flush();
      if (this.#defect !== undefined) throw this.#defect;
      if (this.#lost || stopReason(this.#signal) === 'lock-lost') {
        onEvent({ type: 'chunk-left', ...ref, reason: 'another worker has it' });
        return DONE;
      }
      if (this.#ended === chunk.lines) return await this.#seal();
      onEvent({
        type: 'chunk-left',
        ...ref,
        reason: this.#draining.aborted ? 'the worker stops' : 'its batch takes no lines',
      });
      if (this.#draining.aborted || this.#signal.aborted) return HAND_OVER;
      // Resumed while the last lines came to their end: the task was there, so nobody has added another one.
      return (await standing.takesLines(batchId)) ? HAND_OVER : DONE;
    } finally {
      this.#signal.removeEventListener('abort', stop);
      this.#draining.removeEventListener('abort', drain);
      if (!this.#sealed) await this.#handOver();
    }
  }

  /** This worker lives: whatever happened, no line has killed it. */
  async #handOver(): Promise<void> {
    const { chunks, onEvent } = this.#tools;
    try {
      await chunks.handOver(this.#claim);
    } catch (error) {
      onEvent({
        type: 'trouble',
        source: 'leaving a chunk',
        error: error instanceof Error ? error : new Error(String(error)),
      });
    }
  }

  get #ref() {
    const { batchId, number, batch } = this.#claim;
    return { batchId, chunk: number, model: batch.model ?? '' };
  }

  async #runLines(): Promise<void> {
    const { batch, chunk } = this.#claim;
    const lines = await chunkLines(this.#tools.objects, batch.inputFileId, chunk);
    const left = [...lines.entries()].filter(([line]) => !this.#results.has(line));
    await (this.#careful ? this.#runWithCare(left) : this.#runTogether(left));
  }

  async #runTogether(lines: readonly NumberedLine[]): Promise<void> {
    const { company } = this.#tools;
    const slots = this.#slots;
    // A line that waits to be tried again has lived so far: it goes on beside whoever is there then.
    const places = {
      leave: () => (slots.leave(), company.leave()),
      reenter: () => (slots.reenter(), company.join()),
    };
    const { promise: idle, resolve: allEnded } = Promise.withResolvers<void>();
    let running = 1;
    const leave = (): void => {
      places.leave();
      running -= 1;
      if (running === 0) allEnded();
    };
    for (const line of lines) {
      if (!this.#recorder.hasRoom) await this.#recorder.room();
      const slot = slots.enter();
      if (slot !== undefined) await slot;
      const turn = company.enter();
      if (turn !== undefined) await turn;
      if (this.#halted) {
        places.leave();
        break;
      }
      running += 1;
      void this.#runLine(line, places).then(leave);
    }
    running -= 1;
    if (running > 0) await idle;
  }

  /**
   * First one line alone, then twice as many after each time that this worker has lived. Its next owner begins anew with the lines
   * that are left, so that the one that kills stands alone soon, and the others do not take much longer for it.
   */
  async #runWithCare(lines: readonly NumberedLine[]): Promise<void> {
    const { company, linesAtOnce } = this.#tools;
    // Who is tried again has lived so far: others need not wait for it.
    const places = { leave: () => company.open(), reenter: () => {} };
    let atOnce = 1;
    for (let start = 0; start < lines.length && !this.#halted;) {
      const group = lines.slice(start, start + atOnce);
      await company.enter(true);
      try {
        if (this.#halted) break;
        const [alone] = group;
        if (group.length > 1 || alone === undefined || !(await this.#isDeadly(alone))) {
          await Promise.all(group.map((line) => this.#runLine(line, places)));
        }
        await this.#recorder.flush();
      } finally {
        company.open();
        company.leave();
      }
      start += group.length;
      atOnce = Math.min(atOnce * 2, linesAtOnce);
    }
  }

  /** Never rejects: what is wrong stops the run, and is thrown when all lines have stopped. */
  async #runLine([line, bytes]: NumberedLine, slots: LineTools['slots']): Promise<void> {
    const { batch, batchId, number } = this.#claim;
    try {
      const { customId, body } = parseRequestLine(bytes);
      const id = resultId(batchId, number, line);
      const request = { id, customId, body, endpoint: batch.endpoint, priority: batch.priority };
      const signal = this.#abort.signal;
      this.#end(line, await runLine(request, { executor: this.#executor, slots, signal }));
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      this.#fail(error);
    }
  }

  /** Whether a line that is about to run alone has outlived its workers, and is given up; or the chunk is somebody else's. */
  async #isDeadly([line, bytes]: NumberedLine): Promise<boolean> {
    const { batchId, number } = this.#claim;
    const deaths = await this.#tools.chunks.suspect(this.#claim, line);
    if (deaths === undefined) {
      this.#lose();
      return true;
    }
    if (deaths < DEATHS_OF_A_LINE) return false;
    this.#end(line, crashed({ id: resultId(batchId, number, line), customId: parseRequestLine(bytes).customId }));
    return true;
  }

  #end(line: number, { failed, bytes, tokens }: LineEnd): void {
    this.#ended += 1;
    this.#results.keep(line, failed, bytes);
    this.#recorder.push({ line, failed, bytes, tokens });
  }

  async #seal(): Promise<TaskOutcome> {
    const { chunks, onEvent, onSealed } = this.#tools;
    if (this.#results.overflowed) this.#results.reload(await chunks.results(this.#claim));
    this.#sealed = await sealChunk(
      { hold: this.#claim, lines: this.#claim.chunk.lines, results: this.#results },
      this.#tools,
    );
    if (this.#sealed) {
      onEvent({ type: 'chunk-sealed', ...this.#ref, runMs: Date.now() - this.#startedAt });
      await onSealed(this.#claim.batchId);
    }
    return DONE;
  }

  /** The run ends with this error, and another one begins after a back-off. */
  #fail(error: unknown): void {
    this.#defect ??= error;
    this.#halt(true);
  }

  /** The chunk has another owner. */
  #lose(): void {
    this.#lost = true;
    this.#halt(true);
  }

  /** No more lines begin; with `abort` those in flight stop too. */
  #halt(abort: boolean): void {
    this.#halted = true;
    if (abort) this.#abort.abort(stopReason(this.#signal) ?? 'cancelled');
  }
}
