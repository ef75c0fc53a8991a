import type {
  Completed,
  EndpointLimit,
  ExecutorHealth,
  FineTuneRequest,
  InferenceBody,
  InferenceEndpoint,
  ModelInfo,
  Priority,
} from '@llm-engine/contracts';
import type { LimitExchange } from './limit-exchange.ts';

/** One OpenAI-shaped request. Unknown fields of the body pass through to the model server. */
export interface InferRequest {
  readonly jobId: string;
  readonly endpoint: InferenceEndpoint;
  readonly body: InferenceBody;
  /** `interactive` goes before the others wherever requests wait: somebody looks at the screen. */
  readonly priority: Priority;
}

export interface InferContext {
  /** Aborts the upstream call; the executor closes its connection at once. */
  readonly signal: AbortSignal;
  /** Called for each streamed chunk with its JSON text, in order, when the body asks for `stream`. */
  readonly onChunk?: (chunk: string) => void;
}

export interface FineTuneRun {
  readonly jobId: string;
  readonly request: FineTuneRequest;
}

/** What a run, started by `fineTune`, is doing. */
export interface RunStatus {
  readonly id: string;
  readonly state: 'pending' | 'running' | 'succeeded' | 'failed' | 'cancelled';
  /** From 0 to 1. */
  readonly progress: number;
  readonly step: number;
  readonly totalSteps: number;
  /** Name of the trained model, once it has succeeded. */
  readonly fineTunedModel?: string;
  readonly trainedTokens?: number;
  /** Why it failed, with the next action. */
  readonly error?: string;
}

/** What a run reports, numbered from 1 without gaps so that a reader can go on where it was. */
export interface RunEvent {
  readonly seq: number;
  /** Unix milliseconds. */
  readonly at: number;
  readonly type: 'status' | 'metrics' | 'message';
  readonly status: RunStatus;
  readonly message: string;
  readonly metrics?: Readonly<Record<string, number>>;
}

/**
 * Runs models. It knows nothing of queues: every method is given what it needs, can be aborted,
 * and fails with a `FailureError` whose class says whether another attempt makes sense.
 */
export interface ModelExecutor extends AsyncDisposable {
  readonly name: string;

  /**
   * The models it can run. A server that does not answer is not an error: until it has answered once its models are
   * missing, later those that it listed last stay known.
   */
  models(signal: AbortSignal): Promise<readonly ModelInfo[]>;

  /**
   * Answers one request; resolves with the whole response body also when it was streamed. When the signal aborts it
   * rejects with the signal's reason, or with an AbortError that carries it where that is no error.
   */
  infer(request: InferRequest, context: InferContext): Promise<Completed>;

  /** Starts the run, or finds the one that this job id already started; resolves with the id of the run. */
  fineTune(run: FineTuneRun, signal: AbortSignal): Promise<string>;

  /** Undefined for a run that it does not know. */
  getJobStatus(runId: string, signal: AbortSignal): Promise<RunStatus | undefined>;

  /** Events of a run from number `from` on; ends after the event of its terminal state. Fails as `not_found` for an unknown run. */
  watchJob(runId: string, options: { readonly from: number; readonly signal: AbortSignal }): AsyncIterable<RunEvent>;

  /** Stops the run. A run that has ended, or is not known, stays as it is. */
  cancelJob(runId: string): Promise<void>;

  healthCheck(signal: AbortSignal): Promise<ExecutorHealth>;

  /**
   * Agrees with other processes on how many requests each may have at the servers that they all use; to be called again and
   * again. Rejects when the exchange does: then what was agreed on last holds. Left out where nothing is shared.
   */
  shareLimits?(exchange: LimitExchange): Promise<void>;

  /** Leaves its part to the others, when it is needed no more. */
  leaveLimits?(exchange: LimitExchange): Promise<void>;

  /** How many requests its endpoints take at once. */
  limits?(): readonly EndpointLimit[];

  /** Requests that wait for room at an endpoint. */
  waiting?(): Readonly<Record<Priority, number>>;
}
