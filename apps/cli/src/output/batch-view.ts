import { isBatchEnd } from '@llm-engine/contracts';
import type { WireBatch } from '../client/wire-batches.ts';
import { progressBar, progressText } from './batch-progress.ts';
import { RateMeter } from './rate-meter.ts';
import type { Terminal } from './terminal.ts';

/** How often a log is told how far a batch is. */
const LINE_EVERY_MS = 10_000;

/** Shows a batch while it runs: as a bar that moves to a person, and now and then as a line in a log. */
export class BatchView {
  readonly #terminal: Terminal;
  readonly #now: () => number;
  readonly #meter = new RateMeter();
  #said: { readonly state: string; readonly atMs: number } | undefined;

  constructor(terminal: Terminal, now: () => number = Date.now) {
    this.#terminal = terminal;
    this.#now = now;
  }

  show(batch: WireBatch): void {
    if (isBatchEnd(batch.status)) return this.clear();
    const now = this.#now();
    const { completed, failed } = batch.request_counts;
    if (batch.status === 'in_progress' && batch.paused_at === null) this.#meter.add(completed + failed, now);
    else this.#meter.reset();
    const progress = { batch, rate: this.#meter.perSecond };
    const { paintNote, width, showsStatus } = this.#terminal;
    // A line that fills the last column would make some terminals begin another one.
    if (showsStatus) return this.#terminal.status(progressBar(progress, width - 1, paintNote));

    const state = `${batch.status} ${batch.paused_at}`;
    if (this.#said?.state === state && now - this.#said.atMs < LINE_EVERY_MS) return;
    this.#said = { state, atMs: now };
    this.#terminal.note(progressText(progress, paintNote));
  }

  clear(): void {
    this.#terminal.status('');
  }
}
