import { z } from 'zod';

const MAX_PAGE = 100;

/** `GET /v1/groups` */
export const listGroupsQuery = z.strictObject({
  after: z
    .string()
    .regex(/^group_\w+$/, 'must be the id of a group: the `last_id` of the page before')
    .exactOptional()
    .describe('Id of the last group of the page before.'),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(20).describe('Groups a page.'),
});

/** `GET /v1/groups/{id}/jobs` */
export const groupJobsQuery = z.strictObject({
  after: z
    .string()
    .regex(/^job_\w+$/, 'must be the id of a job: the `last_id` of the page before')
    .exactOptional()
    .describe('Id of the last job of the page before.'),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(20).describe('Jobs a page.'),
  result: z.enum(['true', 'false']).exactOptional().describe('`false` leaves the results out. Default `true`.'),
});
