import { EngineError } from '@llm-engine/contracts';
import type { Producer } from '@llm-engine/queue';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { readIdempotencyKey } from '../idempotency-key.ts';
import { fromWire, isObject, toWire, toWireError } from './wire.ts';
import type { WireJob } from './wire.ts';

/** Jobs in one request. */
export const MAX_JOBS = 1_000;

/** What is certain of a job as soon as it is accepted. */
interface AcceptedJob {
  readonly id: string;
  readonly object: 'job';
}

interface AcceptedJobs {
  readonly object: 'list';
  readonly data: readonly AcceptedJob[];
}

/** `POST /v1/jobs`: one job, or `{jobs: [...]}`. */
export function addSubmitRoute(server: FastifyInstance, producer: Producer): void {
  server.post('/v1/jobs', async (request, reply) => {
    void reply.code(202);
    return isObject(request.body) && 'jobs' in request.body
      ? submitMany(producer, request.body, request)
      : submitOne(producer, request, reply);
  });
}

async function submitOne(
  producer: Producer,
  { body, headers }: FastifyRequest,
  reply: FastifyReply,
): Promise<WireJob | AcceptedJob> {
  if (!isObject(body)) throw new EngineError('invalid_request', 'The request body must be a JSON object: a job.');
  const idempotencyKey = readIdempotencyKey(headers);
  const submission = fromWire(body);
  if (idempotencyKey !== undefined && (submission.idempotencyKey ?? idempotencyKey) !== idempotencyKey) {
    throw new EngineError('invalid_request', 'The Idempotency-Key header and the field idempotency_key differ.', {
      param: 'idempotency_key',
    });
  }
  const keyed = idempotencyKey === undefined ? submission : { ...submission, idempotencyKey };
  const job = await producer.submit(keyed).catch(refuse);
  void reply.header('location', `/v1/jobs/${job.id}`);
  try {
    return toWire(await job.status());
  } catch {
    // Accepted is accepted: a caller who was told otherwise would submit the job twice.
    return accepted(job);
  }
}

async function submitMany(
  producer: Producer,
  { jobs, ...rest }: Readonly<Record<string, unknown>>,
  { headers }: FastifyRequest,
): Promise<AcceptedJobs> {
  const [stray] = Object.keys(rest);
  if (stray !== undefined) {
    throw new EngineError('invalid_request', `There is no field '${stray}' beside 'jobs'.`, { param: stray });
  }
  if (!Array.isArray(jobs) || jobs.length === 0 || jobs.length > MAX_JOBS) {
    throw new EngineError('invalid_request', `'jobs' must be an array of 1 to ${MAX_JOBS} jobs.`, { param: 'jobs' });
  }
  if (readIdempotencyKey(headers) !== undefined) {
    throw new EngineError(
      'invalid_request',
      'One Idempotency-Key cannot stand for many jobs: give each an idempotency_key.',
      {
        param: 'Idempotency-Key',
      },
    );
  }
  const handles = await producer.submitMany(jobs.map(fromWire)).catch(refuse);
  return { object: 'list', data: handles.map(accepted) };
}

function refuse(error: unknown): never {
  throw toWireError(error);
}

function accepted({ id }: { readonly id: string }): AcceptedJob {
  return { id, object: 'job' };
}
