import { FILE_PURPOSES, INPUT_PURPOSES, expiresAfter } from '@llm-engine/contracts';
import { z } from 'zod';

const MAX_PAGE = 10_000;

/** `POST /v1/files`, beside the file itself. */
export const uploadFields = z.strictObject({
  purpose: z.enum(INPUT_PURPOSES),
  expires_after: expiresAfter.exactOptional().describe('Default: it stays until it is deleted.'),
});

/** `GET /v1/files` */
export const listFilesQuery = z.strictObject({
  purpose: z.enum(FILE_PURPOSES).exactOptional(),
  order: z.enum(['asc', 'desc']).default('desc').describe('By the time of their making.'),
  after: z
    .string()
    .regex(/^file-\w+$/, 'must be the id of a file: the `last_id` of the page before')
    .exactOptional()
    .describe('Id of the last file of the page before.'),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(MAX_PAGE).describe('Files a page.'),
});
