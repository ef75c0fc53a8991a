export { startEngine } from './engine/start-engine.ts';
export type { Engine, EngineOptions } from './engine/start-engine.ts';
export { StartError } from './engine/start-error.ts';
export type { StartErrorCode } from './engine/start-error.ts';
