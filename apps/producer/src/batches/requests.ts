import { z } from 'zod';

const MAX_PAGE = 100;

/** `GET /v1/batches` */
export const listBatchesQuery = z.strictObject({
  after: z
    .string()
    .regex(/^batch_\w+$/, 'must be the id of a batch: the `last_id` of the page before')
    .exactOptional()
    .describe('Id of the last batch of the page before.'),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(20).describe('Batches a page.'),
});
