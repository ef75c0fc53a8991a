import { EngineView, SystemHealthReporter } from '@llm-engine/controller';
import { Access, addProbes, closeWithin, createServer, listen } from '@llm-engine/http';
import { createMetrics, troubleLog } from '@llm-engine/observability';
import type { Logger } from '@llm-engine/observability';
import { QueueConnection } from '@llm-engine/queue';
import { addBullBoard } from './bull-board.ts';
import { waitSlo } from './config.ts';
import { addRoutes } from './routes.ts';
import { VERSION } from './version.ts';

export interface MonitorOptions {
  readonly redisUrl: string;
  /** Which engine to look at. Default `llm-engine`. */
  readonly prefix?: string;
  /** Default 127.0.0.1; others only with keys. */
  readonly host?: string;
  /** 0 for any free port. Default 8081. */
  readonly port?: number;
  /** Who may look. Default: everybody on this machine. */
  readonly access?: Access;
  readonly logger: Logger;
  /** How long a job of each queue should wait at most, in seconds. Default: a minute, and an hour for fine-tunes. */
  readonly waitSloSeconds?: (queue: string) => number;
  /** How long one reading of the queues serves `/metrics`, in milliseconds. Default 5,000. */
  readonly metricsFreshMs?: number;
}

export interface Monitor extends AsyncDisposable {
  /** Where a browser on this machine finds it. */
  readonly url: string;
  readonly port: number;
  /** Lets the requests in flight finish, and disconnects. */
  close(): Promise<void>;
}

const CONNECT_PATIENCE_MS = 1_000;
const CLOSE_PATIENCE_MS = 5_000;
const DEFAULT_SLO = waitSlo({
  INFERENCE_WAIT_SLO_SECONDS: 60,
  FINE_TUNE_WAIT_SLO_SECONDS: 3_600,
  BATCH_WAIT_SLO_SECONDS: 86_400,
});

/** Starts whether or not Redis is there: the monitor is what says that it is not. Rejects with `invalid_config`. */
export async function startMonitor(options: MonitorOptions): Promise<Monitor> {
  const { redisUrl, prefix, host = '127.0.0.1', port = 8081, access = new Access([]), logger } = options;
  const { waitSloSeconds = DEFAULT_SLO, metricsFreshMs } = options;
  await using starting = new AsyncDisposableStack();

  const onTrouble = troubleLog(logger);
  const connection = new QueueConnection({
    redisUrl,
    ...(prefix !== undefined && { prefix }),
    onTrouble: (error) => onTrouble('redis', error),
  });
  starting.use(connection);
  // A moment for the connection, so that the first answers are about the queues. Without Redis the start goes on all the same.
  await connection.waitUntilReady(CONNECT_PATIENCE_MS).catch((error: Error) => onTrouble('redis', error));
  const view = new EngineView(connection);

  const metrics = createMetrics({ service: 'monitor', version: VERSION });
  metrics.watchQueues({
    read: async () => {
      const [queues, workers] = await Promise.all([view.queues(), view.workers()]);
      return { queues, workers };
    },
    waitSloSeconds,
    ...(metricsFreshMs !== undefined && { freshMs: metricsFreshMs }),
    onTrouble: (error) => onTrouble('queue gauges', error),
  });

  const server = createServer({
    access,
    onRequestError: (err, { id, url }) => logger.error({ err, requestId: id, url }, 'request failed'),
  });
  starting.defer(() => closeWithin(server, CLOSE_PATIENCE_MS));
  addProbes(server, { livez: () => ({ ok: true }), readyz: () => ({ ok: true }), startupz: () => ({ ok: true }) });
  addRoutes(server, {
    view,
    metrics,
    health: new SystemHealthReporter(view, { serviceId: 'monitor', version: VERSION }),
    waitSloSeconds,
  });
  await addBullBoard(server, view, (err) => logger.error({ err }, 'Bull Board failed'));
  const { url, port: actualPort } = await listen(server, {
    host,
    port,
    access,
    variables: { host: 'MONITOR_HOST', port: 'MONITOR_PORT' },
  });
  logger.info({ url }, 'monitor listens');

  const running = starting.move();
  const close = async (): Promise<void> => {
    await running.disposeAsync();
    logger.info('monitor stopped');
  };
  return { url, port: actualPort, close, [Symbol.asyncDispose]: close };
}
