export { EngineController } from './engine-controller.ts';
export type { ConnectOptions, ControllerOptions, Healthcheck, SystemHealth } from './engine-controller.ts';
export type { BatchFile, BatchHandle } from './batch-handle.ts';
export type { GroupHandle, GroupOptions } from './group-handle.ts';
export type { ProgressOptions } from './wait-until.ts';
export type { BatchJob, FineTuneJob, InferenceJob, JobSettings } from './jobs.ts';
export type { JobFilter, JobHandle, JobPage, StreamEvent, StreamOptions, WaitOptions } from '@llm-engine/queue';
export { EngineView } from './engine-view.ts';
export { SystemHealthReporter } from './system-health.ts';
