import { createExecutors, parseEngineConfig } from '@llm-engine/executors';
import type { ExecutorRegistry } from '@llm-engine/executors';
import type { RunningWorker } from '@llm-engine/worker';
import { chatLine } from './batches.ts';
import type { ResultLine, TestBatches } from './batches.ts';
import type { ModelServer, RequestLog } from './model-server.ts';
import { workerOf } from './worker.ts';
import { WorkerProcess } from './worker-process.ts';

/** What runs the model `m` on that server. `settings` are those of the model, in YAML's flow style. */
export function servedBy({ url }: Pick<ModelServer, 'url'>, settings = ''): ExecutorRegistry {
  return createExecutors(parseEngineConfig(configOf(url, settings), 'engine.yaml'), { env: {} });
}

type WorkerSettings = Parameters<typeof workerOf>[2];

/** A worker in this process that looks after batches all the time. */
export function batchWorker(
  { engine, storage }: TestBatches,
  executors: ExecutorRegistry,
  settings: WorkerSettings = {},
): Promise<RunningWorker> {
  return workerOf(engine, executors, { storage, reconcileEveryMs: 500, fineTuneConcurrency: 0, ...settings });
}

/** A worker process that runs the model `m` on that server, or whatever `config` says. */
export function batchProcess(
  { engine, storage }: TestBatches,
  {
    server,
    settings = '',
    config = configOf(server?.url ?? '', settings),
    env = {},
  }: {
    readonly server?: Pick<ModelServer, 'url'>;
    readonly settings?: string;
    readonly config?: string;
    readonly env?: Readonly<Record<string, string>>;
  },
): Promise<WorkerProcess> {
  const { redisUrl, prefix } = engine;
  const own = { DATABASE_URL: storage.databaseUrl, STORAGE_URL: storage.storageUrl, WORKER_FINE_TUNE_CONCURRENCY: '0' };
  return WorkerProcess.spawn({ redisUrl, prefix, config, env: { ...own, ...env } });
}

function configOf(url: string, settings: string): string {
  return `models: { m: { executor: openai, endpoints: [${url}]${settings === '' ? '' : `, ${settings}`} } }`;
}

/** Requests that are not answered yet. */
export function inFlight({ requests }: ModelServer): readonly RequestLog[] {
  return requests.filter(({ end }) => end === undefined);
}

/** So many lines that say to the model server which they are, and how to treat them. */
export function markedLines(
  count: number,
  body: (index: number) => Readonly<Record<string, unknown>> = () => ({}),
): string {
  return Array.from({ length: count }, (_, index) =>
    chatLine(`line-${index}`, { user: `line-${index}`, ...body(index) }),
  ).join('');
}

/** The line that a request came from. */
export function lineOf({ body }: RequestLog): string {
  return String(body['user']);
}

export function idsOf(lines: readonly ResultLine[]): string[] {
  return lines.map((line) => line.custom_id);
}

/** Ids of lines from 0 to `count`, in order, that match. */
export function idsWhere(count: number, matches: (index: number) => boolean = () => true): string[] {
  return Array.from({ length: count }, (_, index) => index)
    .filter(matches)
    .map((index) => `line-${index}`);
}

/** As if the completion window of the batch had passed. */
export async function endWindow({ database }: TestBatches, id: string): Promise<void> {
  await database.pool.query('UPDATE batches SET expires_at = now() WHERE id = $1', [id]);
}
