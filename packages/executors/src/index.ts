export type { FineTuneRun, InferContext, InferRequest, ModelExecutor, RunEvent, RunStatus } from './executor.ts';
