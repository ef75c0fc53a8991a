/** Takes work from one queue: jobs or tasks. */
export interface TakesWork {
  readonly queue: string;
  /** How many may run at once. */
  readonly slots: number;
  /** Ids of those that hold a slot now. */
  readonly jobs: readonly string[];
  /** Unix milliseconds of the last sign of progress. */
  readonly lastProgressAt: number;
  start(): Promise<void>;
  /** Takes no more, waits up to `graceMs` for those that run, hands the rest over. */
  close(options: { readonly graceMs: number }): Promise<void>;
}
