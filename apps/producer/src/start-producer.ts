import type { StorageSettings } from '@llm-engine/contracts';
import { Access, listen } from '@llm-engine/http';
import { createMetrics, observeBatches, observeJobs, troubleLog } from '@llm-engine/observability';
import type { Logger } from '@llm-engine/observability';
import { Inspector, Producer, QueueConnection } from '@llm-engine/queue';
import { closeServer } from './close-server.ts';
import { InFlight } from './in-flight.ts';
import { ProducerStorage, noStorage } from './open-storage.ts';
import { Readiness } from './readiness.ts';
import { buildServer } from './server.ts';
import { VERSION } from './version.ts';

export interface ProducerOptions {
  readonly redisUrl: string;
  /** Which engine to submit to. Default `llm-engine`. */
  readonly prefix?: string;
  /** Where files and batches are kept. Default: nowhere, and their routes answer `storage_not_configured`. */
  readonly storage?: StorageSettings;
  /** Default 127.0.0.1; others only with keys. */
  readonly host?: string;
  /** 0 for any free port. Default 8080. */
  readonly port?: number;
  /** Who may come in. Default: everybody on this machine. */
  readonly access?: Access;
  readonly logger: Logger;
  /** Largest request body, in bytes. Default 10 MiB. */
  readonly bodyLimit?: number;
  /** Largest file that is taken, in bytes. Default 512 MB. */
  readonly maxFileBytes?: number;
  /** Largest input file of a batch, in bytes. Default 200 MB. */
  readonly maxBatchInputBytes?: number;
  /** How long a client may neither send nor take anything of a file, in milliseconds. Default two minutes. */
  readonly stallMs?: number;
  /** How long a synchronous request waits for its job, in milliseconds. Default ten minutes. */
  readonly syncTimeoutMs?: number;
  /** How long a stop waits for the requests in flight, in milliseconds. Default 20 s. */
  readonly graceMs?: number;
}

export interface RunningProducer extends AsyncDisposable {
  /** Where a client on this machine finds it. */
  readonly url: string;
  readonly port: number;
  /** Takes no more requests, lets those in flight finish for as long as the grace lasts, and disconnects. */
  close(): Promise<void>;
}

const MB = 1_000_000;
/** How long a start waits for Redis, so that the first request finds it. */
const CONNECT_PATIENCE_MS = 1_000;

/**
 * Starts whether or not Redis and the storage are there: until they are, whatever needs them is answered with 503.
 * Rejects with `invalid_config`.
 */
export async function startProducer(options: ProducerOptions): Promise<RunningProducer> {
  const { redisUrl, prefix, host = '127.0.0.1', port = 8080, access = new Access([]), logger } = options;
  await using starting = new AsyncDisposableStack();

  const metrics = createMetrics({ service: 'producer', version: VERSION });
  const onEvent = observeJobs(metrics, logger);
  const onTrouble = troubleLog(logger);
  const connection = new QueueConnection({
    redisUrl,
    ...(prefix !== undefined && { prefix }),
    onTrouble: (error) => onTrouble('redis', error),
  });
  starting.use(connection);
  await connection.waitUntilReady(CONNECT_PATIENCE_MS).catch((error: Error) => onTrouble('redis', error));

  const storage =
    options.storage &&
    starting.use(
      await ProducerStorage.open({
        ...options.storage,
        connection,
        maxInputBytes: options.maxBatchInputBytes ?? 200 * MB,
        onTrouble: (error) => onTrouble('storage', error),
        onEvent: observeBatches(metrics, logger),
        onJobEvent: onEvent,
      }),
    );

  const inFlight = new InFlight();
  const readiness = new Readiness({ connection, storage });
  const server = await buildServer({
    connection,
    producer: new Producer(connection, { onEvent }),
    inspector: new Inspector(connection, { onEvent }),
    storage: storage?.require ?? noStorage,
    inFlight,
    probes: readiness.checks,
    metrics,
    access,
    bodyLimit: options.bodyLimit ?? 10 * 1024 * 1024,
    maxFileBytes: options.maxFileBytes ?? 512 * MB,
    stallMs: options.stallMs ?? 120_000,
    syncTimeoutMs: options.syncTimeoutMs ?? 600_000,
    onTrouble: (error) => onTrouble('producer', error instanceof Error ? error : new Error(String(error))),
    onRequestError: (err, { id, url }) => logger.error({ err, requestId: id, url }, 'request failed'),
  });
  starting.defer(() => closeServer(server, { inFlight, readiness, graceMs: options.graceMs ?? 20_000 }));
  const listening = await listen(server, {
    host,
    port,
    access,
    variables: { host: 'PRODUCER_HOST', port: 'PRODUCER_PORT' },
  });
  logger.info({ url: listening.url }, 'producer listens');

  const running = starting.move();
  const close = async (): Promise<void> => {
    await running.disposeAsync();
    logger.info('producer stopped');
  };
  return { ...listening, close, [Symbol.asyncDispose]: close };
}
