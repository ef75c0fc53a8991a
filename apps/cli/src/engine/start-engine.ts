import type { StorageSettings } from '@llm-engine/contracts';
import { createExecutors } from '@llm-engine/executors';
import type { ExecutorRegistry } from '@llm-engine/executors';
import { Access } from '@llm-engine/http';
import type { LogLevel } from '@llm-engine/observability';
import { startMonitor } from '@llm-engine/monitor';
import { readConfig as readProducerConfig, startProducer, tuningOf as producerTuning } from '@llm-engine/producer';
import { startTinyServer } from '@llm-engine/trainer-tiny';
import { readConfig as readWorkerConfig, startWorker, tuningOf as workerTuning } from '@llm-engine/worker';
import { thisMachine } from '../embedded/machine.ts';
import { removeEngineFile, writeEngineFile } from './engine-file.ts';
import { openEngineLog } from './engine-log.ts';
import { createHome, homeAt } from './home.ts';
import { lockHome } from './home-lock.ts';
import { chooseModels, ownModels, poolsOf } from './model-config.ts';
import { readSettings } from './settings.ts';
import type { Environment, Settings } from './settings.ts';
import { startServers } from './start-servers.ts';

/** What is given here goes before what the environment says. */
export interface EngineOptions {
  /** The folder of data and logs. Default `LLM_ENGINE_HOME`, else `.llm-engine`. */
  readonly home?: string;
  /** A Redis that runs already. Default `REDIS_URL`, else an embedded one. */
  readonly redisUrl?: string;
  /** A PostgreSQL that runs already. Default `DATABASE_URL`, else an embedded one. */
  readonly databaseUrl?: string;
  /** A folder, or `s3://bucket/prefix`, for the bytes of files. Default `STORAGE_URL`, else a folder in the home. */
  readonly storageUrl?: string;
  /** 0 for any free port. Default `PRODUCER_PORT` (8080), `MONITOR_PORT` (8081), `WORKER_PORT` (9464). */
  readonly ports?: Partial<Record<'producer' | 'monitor' | 'worker', number>>;
  /** An engine.yaml. Default `LLM_ENGINE_CONFIG`, else the one in the working directory, if there is one. */
  readonly configFile?: string;
  /** An OpenAI-compatible server, whose models are offered. Default `MODEL_URL`. */
  readonly modelUrl?: string;
  /** Default `process.env`. */
  readonly env?: Environment;
  /** Told, in a line each, what takes its time at the start, and afterwards what is wrong. Default: nobody. */
  readonly say?: (line: string) => void;
  /** From this level on `say` is told what is logged; the file `engine.log` has it all. Default `LOG_LEVEL`, else `warn`. */
  readonly logLevel?: LogLevel;
  /** Gives up the start. */
  readonly signal?: AbortSignal;
}

/** A whole engine in this process. */
export interface Engine extends AsyncDisposable {
  readonly producerUrl: string;
  readonly monitorUrl: string;
  readonly workerUrl: string;
  readonly redisUrl: string;
  /** Missing where no PostgreSQL can run: then there are no files and batches. */
  readonly databaseUrl?: string;
  /** Where files, batches and groups are kept, for whoever wants to use them in process. */
  readonly storage?: StorageSettings;
  /** The folder of data and logs. */
  readonly home: string;
  /** The engine.yaml that was read, where there was one. */
  readonly configFile?: string;
  /** Ids of the models that could be reached at the start. */
  readonly models: readonly string[];
  /** Lets requests and jobs in flight come to an end or hands them over, then stops everything that was started. */
  close(): Promise<void>;
}

/** Somebody waits for the stop: what has not finished by then is handed over to the next start. */
const GRACE_MS = 5_000;

/**
 * Starts Redis and PostgreSQL, the model server, worker, producer and monitor, in this order; `close` stops them in the reverse.
 * Rejects with what is wrong, and then nothing is left running.
 */
export async function startEngine(options: EngineOptions = {}): Promise<Engine> {
  const env = options.env ?? process.env;
  const settings = settingsOf(options, env);
  const say = options.say ?? (() => undefined);
  const { signal } = options;

  // What can be refused is refused before anything runs.
  const access = await Access.fromEnv(env);
  access.requireMayListen(settings.producer.host, 'PRODUCER_HOST');
  access.requireMayListen(settings.monitor.host, 'MONITOR_HOST');
  const tuning = { worker: workerTuning(readWorkerConfig(env)), producer: producerTuning(readProducerConfig(env)) };
  const choice = await chooseModels({ ...settings, folder: process.cwd(), env });

  await using starting = new AsyncDisposableStack();
  const home = homeAt(settings.home);
  await createHome(home);
  starting.use(await lockHome(home));
  const startedAt = Date.now();
  await writeEngineFile(home, { pid: process.pid, startedAt });
  starting.defer(() => removeEngineFile(home));
  const log = starting.use(await openEngineLog({ path: home.engineLog, sayFrom: settings.logLevel, say }));

  const { redisUrl, databaseUrl } = await startServers({
    settings,
    home,
    machine: thisMachine(signal),
    log,
    say,
    starting,
    ...(signal && { signal }),
  });
  const storageUrl = settings.storageUrl ?? home.objects;
  const config = choice.config ?? ownModels(starting.use(await startTinyServer()).url);
  const executors = starting.use(createExecutors(config, { env }));
  const models = await reachableModels(executors, signal);

  const stored = databaseUrl !== undefined && { storage: { databaseUrl, storageUrl } };
  const shared = {
    redisUrl,
    ...(settings.prefix !== undefined && { prefix: settings.prefix }),
    ...stored,
  };
  const worker = starting.use(
    await startWorker({
      ...shared,
      ...tuning.worker,
      ...settings.worker,
      executors,
      pools: poolsOf(config),
      graceMs: GRACE_MS,
      logger: log.loggerFor('worker'),
    }),
  );
  const producer = starting.use(
    await startProducer({
      ...shared,
      ...tuning.producer,
      ...settings.producer,
      access,
      graceMs: GRACE_MS,
      logger: log.loggerFor('producer'),
    }),
  );
  const monitor = starting.use(
    await startMonitor({ ...shared, ...settings.monitor, access, logger: log.loggerFor('monitor') }),
  );
  signal?.throwIfAborted();
  const urls = {
    producerUrl: producer.url,
    monitorUrl: monitor.url,
    workerUrl: worker.url,
    redisUrl,
    ...(databaseUrl !== undefined && { databaseUrl }),
  };
  await writeEngineFile(home, { pid: process.pid, startedAt, ...urls });

  const running = starting.move();
  const close = once(() => running.disposeAsync());
  return {
    ...urls,
    ...stored,
    home: home.root,
    models,
    ...(choice.file !== undefined && { configFile: choice.file }),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function settingsOf(options: EngineOptions, env: Environment): Settings {
  const read = readSettings(env);
  const { home, redisUrl, databaseUrl, storageUrl, ports, configFile, modelUrl, logLevel } = options;
  const addressed = (name: 'producer' | 'monitor' | 'worker') => ({
    ...read[name],
    ...(ports?.[name] !== undefined && { port: ports[name] }),
  });
  return {
    ...read,
    ...(home !== undefined && { home }),
    ...(redisUrl !== undefined && { redisUrl }),
    ...(databaseUrl !== undefined && { databaseUrl }),
    ...(storageUrl !== undefined && { storageUrl }),
    ...(configFile !== undefined && { configFile }),
    ...(modelUrl !== undefined && { modelUrl }),
    ...(logLevel !== undefined && { logLevel }),
    producer: addressed('producer'),
    monitor: addressed('monitor'),
    worker: addressed('worker'),
  };
}

/** A model server that does not answer is no reason not to start: the worker asks again. */
async function reachableModels(executors: ExecutorRegistry, signal?: AbortSignal): Promise<readonly string[]> {
  const models = await executors.models(signal ?? new AbortController().signal);
  return models.map(({ id }) => id);
}

/** However often it is asked for, it is done once. */
function once<T>(action: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => (result ??= action());
}
