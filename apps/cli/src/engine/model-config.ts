import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import { defineEngineConfig, loadEngineConfig } from '@llm-engine/executors';
import type { EngineConfig } from '@llm-engine/executors';
import type { Environment } from './settings.ts';

export interface ModelSource {
  /** As it was asked for; it must exist then. */
  readonly configFile?: string;
  readonly modelUrl?: string;
  /** Where an engine.yaml is looked for that nobody named. */
  readonly folder: string;
  readonly env: Environment;
}

/** Where the models come from: a file, a server that runs already, both, or neither. */
export interface ModelChoice {
  /** Undefined for the models that the engine brings along. */
  readonly config: EngineConfig | undefined;
  /** The engine.yaml that was read. */
  readonly file?: string;
}

const FILE_NAME = 'engine.yaml';
/** The key of the server at MODEL_URL, where it asks for one. */
const MODEL_KEY = 'MODEL_API_KEY';
export const TINY_MODEL = 'tiny-chat';
const MOCK_MODEL = 'mock';

export async function chooseModels({ configFile, modelUrl, folder, env }: ModelSource): Promise<ModelChoice> {
  const file = configFile === undefined ? await fileIn(folder) : resolve(configFile);
  const fromFile = file === undefined ? undefined : await loadEngineConfig(file);
  const found = file === undefined ? {} : { file };
  if (modelUrl === undefined) return { config: fromFile, ...found };

  const key = env[MODEL_KEY] === undefined || env[MODEL_KEY] === '' ? {} : { apiKeyEnv: MODEL_KEY };
  const { servers } = defineEngineConfig({ servers: [{ url: modelUrl, ...key }] });
  const config = fromFile === undefined ? defineEngineConfig({}) : fromFile;
  return { config: { ...config, servers: [...config.servers, ...servers] }, ...found };
}

/** The models of an engine that was told of none: a small real one, served at `tinyUrl`, beside a scripted one. */
export function ownModels(tinyUrl: string): EngineConfig {
  return defineEngineConfig({
    models: {
      [TINY_MODEL]: { executor: 'openai', endpoints: [tinyUrl], ownedBy: 'llm-engine' },
      [MOCK_MODEL]: { executor: 'mock' },
    },
  });
}

/** Every pool that some model belongs to. */
export function poolsOf({ models, servers }: EngineConfig): readonly string[] {
  return [...new Set(['default', ...[...Object.values(models), ...servers].map(({ pool }) => pool ?? 'default')])];
}

async function fileIn(folder: string): Promise<string | undefined> {
  const file = resolve(folder, FILE_NAME);
  return access(file).then(
    () => file,
    () => undefined,
  );
}
