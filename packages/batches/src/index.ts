export { Batches } from './batches.ts';
export type { BatchList, BatchesOptions } from './batches.ts';
export { BatchWorker } from './batch-worker.ts';
export type { BatchWorkerOptions } from './batch-worker.ts';
export { validateBatchFile } from './input/validate.ts';
export type { BatchFileLimits, ValidateOptions, ValidatedFile } from './input/validate.ts';
export { WebhookSender } from './webhooks/webhook-sender.ts';
export type { WebhookSenderOptions } from './webhooks/webhook-sender.ts';
