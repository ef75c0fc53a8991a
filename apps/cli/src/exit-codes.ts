/** What a script can tell from the end of a command. `llm-engine --help` lists them. */
export const EXIT = {
  ok: 0,
  /** The job failed or was cancelled, the engine refused or is not healthy, or a file is wrong. */
  failed: 1,
  /** The command line or a setting is wrong. */
  usage: 2,
  /** No engine answers, or it cannot take requests now: the same command may work later. */
  unreachable: 3,
  /** The batch completed and its files are there, but lines of it failed: neither quite done nor failed. */
  partial: 4,
  /** Ctrl-C. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
