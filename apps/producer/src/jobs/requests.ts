import { JOB_KINDS, JOB_STATES } from '@llm-engine/contracts';
import { z } from 'zod';

const MAX_PAGE = 100;
const MAX_WAIT_MS = 600_000;
const DEFAULT_WAIT_MS = 30_000;

/** `GET /v1/jobs` */
export const listQuery = z.strictObject({
  state: z.enum(JOB_STATES).exactOptional(),
  kind: z.enum(JOB_KINDS).exactOptional(),
  queue: z.string().exactOptional(),
  model: z.string().exactOptional(),
  after: z.string().exactOptional().describe('Id of the last job of the page before.'),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).exactOptional().describe('Jobs a page. Default 20.'),
});

/** `GET /v1/jobs/{id}` */
export const jobQuery = z.strictObject({
  result: z.enum(['true', 'false']).exactOptional().describe('`false` leaves the result out. Default `true`.'),
});

/** `GET /v1/jobs/{id}/wait` */
export const waitQuery = z.strictObject({
  timeout_ms: z.coerce
    .number()
    .int()
    .min(0)
    .max(MAX_WAIT_MS)
    .default(DEFAULT_WAIT_MS)
    .describe('Answer after this long at the latest, in milliseconds.'),
});

/** `GET /v1/jobs/{id}/stream` */
export const streamQuery = z.strictObject({
  after: z.coerce
    .number()
    .int()
    .min(0)
    .exactOptional()
    .describe('Number of the last chunk that was seen, for clients that cannot send `Last-Event-ID`.'),
});

/** `POST /v1/dead-letters/retry` */
export const retryRequest = z.strictObject({
  queue: z.string().exactOptional(),
  model: z.string().exactOptional(),
  code: z.string().exactOptional().describe('Code of the error that the job ended with.'),
});
