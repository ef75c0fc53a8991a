export { JOB_STATES, LEGAL_TRANSITIONS, TERMINAL_STATES, canTransition, isTerminal } from './states.ts';
export type { JobState, TerminalState } from './states.ts';
export { FAILURES, FailureError, classifyStatus, failure, isRetryable } from './failures.ts';
export type { Failure, FailureClass } from './failures.ts';
export { ERRORS, EngineError, errorBody } from './errors.ts';
export type { ErrorBody, ErrorCode } from './errors.ts';
export { JOB_KINDS, PRIORITIES, REQUEST_SCHEMAS, jobSubmission, modelOf } from './jobs.ts';
export type {
  AttemptError,
  FineTunePayload,
  FineTuneRequest,
  FineTuneSubmission,
  InferenceBody,
  InferencePayload,
  InferenceSubmission,
  Job,
  JobKind,
  JobPayload,
  JobRecord,
  JobSubmission,
  JobTimings,
  Priority,
  TokenUsage,
} from './jobs.ts';
export { stopReason } from './outcome.ts';
export type { Completed, Outcome, StopReason } from './outcome.ts';
export { REJECT_REASONS } from './events.ts';
export type { JobEvent, JobRef, OnJobEvent, RejectReason } from './events.ts';
export type { ModelInfo } from './models.ts';
export type { WorkerQueueStatus, WorkerStatus } from './workers.ts';
export { worstOf } from './health.ts';
export type { ExecutorHealth, HealthCheck, HealthReport, HealthStatus } from './health.ts';
export { describeIssue } from './issues.ts';
export { INFERENCE_ENDPOINTS, usageSchema } from './openai/common.ts';
export type { InferenceEndpoint } from './openai/common.ts';
export type { ChatCompletionRequest } from './openai/chat.ts';
export type { CompletionRequest } from './openai/completions.ts';
export type { EmbeddingRequest } from './openai/embeddings.ts';
export type { OpenAIModel, OpenAIModelList } from './openai/models.ts';
export { engineSettings, hostSetting, portSetting, readSettings } from './settings.ts';
export type { Environment } from './settings.ts';
