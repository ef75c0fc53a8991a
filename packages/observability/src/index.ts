export { LOG_LEVELS, createLogger } from './logger.ts';
export type { LogLevel, Logger, LoggerOptions } from './logger.ts';
export { Metrics, createMetrics } from './metrics.ts';
export type { MetricsOptions } from './metrics.ts';
export type { EngineReading, QueueGaugesOptions, QueueReading, WorkerReading } from './queue-gauges.ts';
export { observeJobs } from './observe-jobs.ts';
export type { ObserveJobsOptions } from './observe-jobs.ts';
export { Hysteresis } from './hysteresis.ts';
export type { HysteresisOptions } from './hysteresis.ts';
