export { startMonitor } from './monitor.ts';
export type { Monitor, MonitorOptions } from './monitor.ts';
