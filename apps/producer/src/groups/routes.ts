import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Group } from '@llm-engine/contracts';
import { readIdempotencyKey } from '../idempotency-key.ts';
import { toWire, toWireError, withoutResult } from '../jobs/wire.ts';
import type { RequireStorage } from '../open-storage.ts';
import { parseRequest } from '../parse-request.ts';
import { groupJobsQuery, listGroupsQuery } from './requests.ts';
import { fromWireGroup, toWireGroup } from './wire.ts';

export interface GroupRoutesOptions {
  readonly storage: RequireStorage;
}

interface ById {
  Params: { id: string };
}

/** Groups: many jobs as one. */
export function addGroupRoutes(server: FastifyInstance, { storage }: GroupRoutesOptions): void {
  server.post('/v1/groups', async ({ body, headers, identity }, reply) => {
    const idempotencyKey = readIdempotencyKey(headers);
    const { groups } = storage();
    try {
      return accepted(await groups.create(identity.owner, fromWireGroup(body), { idempotencyKey }), reply);
    } catch (error) {
      throw toWireError(error);
    }
  });

  server.get('/v1/groups', async ({ query, identity }) => {
    const page = await storage().groups.list(identity.owner, parseRequest(listGroupsQuery, query));
    return listOf(page.data.map(toWireGroup), page.hasMore);
  });

  server.get<ById>('/v1/groups/:id', async ({ params, identity }) => {
    return toWireGroup(await storage().groups.get(identity.owner, params.id));
  });

  server.get<ById>('/v1/groups/:id/jobs', async ({ params, query, identity }) => {
    const { result, ...page } = parseRequest(groupJobsQuery, query);
    const { data, hasMore } = await storage().groups.jobs(identity.owner, params.id, page);
    return listOf(
      data.map((job) => toWire(result === 'false' ? withoutResult(job) : job)),
      hasMore,
    );
  });

  server.post<ById>('/v1/groups/:id/cancel', async ({ params, identity }) => {
    return toWireGroup(await storage().groups.cancel(identity.owner, params.id));
  });

  server.post<ById>('/v1/groups/:id/retry', async ({ params, identity }, reply) => {
    return accepted(await storage().groups.retry(identity.owner, params.id), reply);
  });
}

function accepted(group: Group, reply: FastifyReply) {
  void reply.code(202).header('location', `/v1/groups/${group.id}`);
  return toWireGroup(group);
}

function listOf<Item extends { readonly id: string }>(data: readonly Item[], hasMore: boolean) {
  return { object: 'list', data, has_more: hasMore, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
}
