export { EngineController } from './engine-controller.ts';
export type { ConnectOptions, ControllerOptions, Healthcheck, SystemHealth } from './engine-controller.ts';
export type { BatchJob, FineTuneJob, InferenceJob, JobSettings } from './jobs.ts';
export type { JobFilter, JobHandle, JobPage, StreamEvent, StreamOptions, WaitOptions } from '@llm-engine/queue';
export { EngineView } from './engine-view.ts';
export { SystemHealthReporter } from './system-health.ts';
