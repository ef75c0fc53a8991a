export { startWorker } from './worker.ts';
export type { RunningWorker, WorkerOptions } from './worker.ts';
export { readConfig, tuningOf } from './config.ts';
