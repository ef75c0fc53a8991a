/** Why the limit of an endpoint went down: the server refused requests, did not end them in time, or let streams wait. */
export const DECREASE_REASONS = ['refused', 'timeout', 'slow'] as const;
export type DecreaseReason = (typeof DECREASE_REASONS)[number];

/** How many requests one endpoint of an executor takes at once, as one worker sees it. */
export interface EndpointLimit {
  readonly executor: string;
  /** Host and port of its server. */
  readonly endpoint: string;
  /** Requests at once of all workers together. */
  readonly limit: number;
  /** Requests that this worker has there now. */
  readonly inUse: number;
  /** Whether nothing but interactive requests is sent, since the server takes nothing or asked to wait. */
  readonly paused: boolean;
  /** Decreases of the limit for what this worker saw, since it started. */
  readonly decreases: Readonly<Record<DecreaseReason, number>>;
}
