import { readEngineFile } from '../engine/engine-file.ts';
import { DEFAULT_HOME, homeAt } from '../engine/home.ts';

interface Where {
  /** From the command line. */
  readonly url?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const PRODUCER_URL = 'http://127.0.0.1:8080';
const MONITOR_URL = 'http://127.0.0.1:8081';

/** The producer: as named, else the one that runs in this home, else where one usually listens. */
export async function findProducer({ url, env }: Where): Promise<string> {
  const named = url ?? present(env['LLM_ENGINE_URL']);
  return named ?? (await engineHere(env))?.producerUrl ?? PRODUCER_URL;
}

/** The monitor, likewise. */
export async function findMonitor({ url, env }: Where): Promise<string> {
  const named = url ?? present(env['LLM_ENGINE_MONITOR_URL']);
  return named ?? (await engineHere(env))?.monitorUrl ?? MONITOR_URL;
}

function engineHere(env: Where['env']) {
  return readEngineFile(homeAt(present(env['LLM_ENGINE_HOME']) ?? DEFAULT_HOME));
}

function present(value: string | undefined): string | undefined {
  return value === undefined || value === '' ? undefined : value;
}
