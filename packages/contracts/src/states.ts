/** Every state a job can be in. The last three are terminal: a terminal state never changes. */
export const JOB_STATES = ['queued', 'scheduled', 'running', 'succeeded', 'failed', 'cancelled'] as const;
export type JobState = (typeof JOB_STATES)[number];

export const TERMINAL_STATES = ['succeeded', 'failed', 'cancelled'] as const satisfies readonly JobState[];
export type TerminalState = (typeof TERMINAL_STATES)[number];

/**
 * From each state, the states that may follow.
 * `running -> queued` is a hand-over (a worker stops or dies); `running -> scheduled` is a retry that waits for its back-off.
 */
export const LEGAL_TRANSITIONS: Readonly<Record<JobState, readonly JobState[]>> = {
  scheduled: ['queued', 'cancelled'],
  queued: ['running', 'cancelled'],
  running: ['succeeded', 'failed', 'cancelled', 'queued', 'scheduled'],
  succeeded: [],
  failed: [],
  cancelled: [],
};

export function isTerminal(state: JobState): state is TerminalState {
  return LEGAL_TRANSITIONS[state].length === 0;
}

export function canTransition(from: JobState, to: JobState): boolean {
  return LEGAL_TRANSITIONS[from].includes(to);
}
