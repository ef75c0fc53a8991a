export { startProducer } from './start-producer.ts';
export type { ProducerOptions, RunningProducer } from './start-producer.ts';
export { readConfig, tuningOf } from './config.ts';
