import { groupJobsQuery, listGroupsQuery } from '../groups/requests.ts';
import type { JsonSchema } from './json-schema.ts';
import { IDEMPOTENCY_KEY, json, query, stored } from './operation.ts';
import { ref } from './schemas.ts';

const GROUP_ID = {
  name: 'id',
  in: 'path',
  required: true,
  schema: { type: 'string' },
  description: 'Id of the group.',
};
const NO_GROUP = { 404: '`group_not_found`' };

/** Groups of jobs. */
export function groupPaths(): Readonly<Record<string, JsonSchema>> {
  return {
    '/v1/groups': {
      post: stored({
        tag: 'Groups',
        summary: 'Submit many jobs as one',
        description: 'All of them are checked before any is accepted.',
        body: ref('GroupRequest'),
        parameters: [{ ...IDEMPOTENCY_KEY, description: 'The same key with the same request is the same group.' }],
        status: 202,
        answer: json(ref('Group')),
        errors: { 404: '`model_not_found`', 409: '`idempotency_conflict`' },
      }),
      get: stored({
        tag: 'Groups',
        summary: 'List groups, newest first',
        parameters: query(listGroupsQuery),
        answer: json(ref('GroupList')),
      }),
    },
    '/v1/groups/{id}': {
      get: stored({
        tag: 'Groups',
        summary: 'Get a group, with its counts, its tokens and its best result as they stand',
        parameters: [GROUP_ID],
        answer: json(ref('Group')),
        errors: NO_GROUP,
      }),
    },
    '/v1/groups/{id}/jobs': {
      get: stored({
        tag: 'Groups',
        summary: 'List the jobs of a group in their order, with their results',
        parameters: [GROUP_ID, ...query(groupJobsQuery)],
        answer: json(ref('JobList')),
        errors: NO_GROUP,
      }),
    },
    '/v1/groups/{id}/cancel': {
      post: stored({
        tag: 'Groups',
        summary: 'Cancel all jobs of a group that have not ended',
        parameters: [GROUP_ID],
        answer: json(ref('Group')),
        errors: { ...NO_GROUP, 409: '`group_already_finished`' },
      }),
    },
    '/v1/groups/{id}/retry': {
      post: stored({
        tag: 'Groups',
        summary: 'Try the failed and the cancelled jobs of a group again, as a new group',
        parameters: [GROUP_ID],
        status: 202,
        answer: json(ref('Group')),
        errors: { ...NO_GROUP, 409: '`group_not_finished`, `group_not_retryable`' },
      }),
    },
  };
}
