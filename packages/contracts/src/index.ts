export { JOB_STATES, LEGAL_TRANSITIONS, TERMINAL_STATES, canTransition, isTerminal } from './states.ts';
export type { JobState, TerminalState } from './states.ts';
export { FAILURES, FailureError, classifyStatus, failure, isRetryable } from './failures.ts';
export type { Failure, FailureClass, UpstreamAnswer } from './failures.ts';
export { ERRORS, EngineError, errorBody } from './errors.ts';
export type { ErrorBody, ErrorCode } from './errors.ts';
export { JOB_KINDS, REQUEST_SCHEMAS, jobSubmission, modelOf } from './jobs.ts';
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
  TokenUsage,
} from './jobs.ts';
export { MAX_GROUP_JOBS, groupRequest } from './groups.ts';
export type { Group, GroupMetric, GroupState } from './groups.ts';
export { PRIORITIES } from './priorities.ts';
export type { Priority } from './priorities.ts';
export { newId } from './ids.ts';
export { stopReason } from './outcome.ts';
export type { Completed, Outcome, StopReason } from './outcome.ts';
export { REJECT_REASONS } from './events.ts';
export type { JobEvent, JobRef, OnJobEvent, RejectReason } from './events.ts';
export { WEBHOOK_OUTCOMES } from './batch-events.ts';
export type { BatchEvent, LineTokens, OnBatchEvent, WebhookOutcome } from './batch-events.ts';
export type { ModelInfo } from './models.ts';
export type { WorkerQueueStatus, WorkerStatus } from './workers.ts';
export { DECREASE_REASONS } from './limits.ts';
export type { DecreaseReason, EndpointLimit } from './limits.ts';
export { worstOf } from './health.ts';
export type { ExecutorHealth, HealthCheck, HealthReport, HealthStatus } from './health.ts';
export { describeIssue } from './issues.ts';
export { INFERENCE_ENDPOINTS, usageSchema } from './openai/common.ts';
export type { InferenceEndpoint } from './openai/common.ts';
export type { ChatCompletionRequest } from './openai/chat.ts';
export type { CompletionRequest } from './openai/completions.ts';
export type { EmbeddingRequest } from './openai/embeddings.ts';
export { metadataSchema } from './openai/metadata.ts';
export { FILE_PURPOSES, INPUT_PURPOSES, expiresAfter } from './openai/files.ts';
export type { FilePurpose, OpenAIFile } from './openai/files.ts';
export { BATCH_ENDS, BATCH_STATUSES, batchRequest, isBatchEnd, windowSeconds } from './openai/batches.ts';
export type { BatchEnd, BatchError, BatchRequest, BatchStatus, BatchUsage, OpenAIBatch } from './openai/batches.ts';
export type { OpenAIModel, OpenAIModelList } from './openai/models.ts';
export { engineSettings, hostSetting, portSetting, readSettings, storageOf, storageSettings } from './settings.ts';
export type { Environment, StorageSettings } from './settings.ts';
export { webhookKey, webhookOf, webhookSettings } from './webhook-settings.ts';
export type { WebhookSettings } from './webhook-settings.ts';
