import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { InferenceEndpoint } from '@llm-engine/contracts';
import { CommandError, usageError } from '../command-error.ts';
import { EXIT } from '../exit-codes.ts';
import type { ClientFlags } from './client-command.ts';

export interface SubmitFlags extends ClientFlags {
  readonly model?: string;
  readonly endpoint: keyof typeof ENDPOINTS;
  readonly body?: string;
  readonly job?: string;
  readonly priority?: string;
  /** In milliseconds. */
  readonly delay?: number;
  /** In milliseconds. */
  readonly timeout?: number;
  readonly maxAttempts?: number;
  readonly meta?: Readonly<Record<string, string>>;
  readonly idempotencyKey?: string;
  readonly wait?: boolean;
  readonly stream?: boolean;
}

type JsonObject = Readonly<Record<string, unknown>>;

const ENDPOINTS = {
  chat: '/v1/chat/completions',
  completions: '/v1/completions',
  embeddings: '/v1/embeddings',
} as const satisfies Record<string, InferenceEndpoint>;

const STANDARD_INPUT = '-';

/** The job that a command line describes, as `POST /v1/jobs` takes it. What it says goes before what its files say. */
export async function buildSubmission(words: readonly string[], flags: SubmitFlags): Promise<JsonObject> {
  if (flags.job === undefined) {
    return {
      kind: 'inference',
      endpoint: ENDPOINTS[flags.endpoint],
      body: await buildBody(words, flags),
      ...settingsOf(flags),
    };
  }
  if (flags.body !== undefined || flags.model !== undefined || flags.stream === true || words.length > 0) {
    throw usageError('--job holds the whole job: leave out the prompt, --model, --body and --stream.');
  }
  return { ...(await readJsonObject(flags.job)), ...settingsOf(flags) };
}

async function buildBody(words: readonly string[], flags: SubmitFlags): Promise<JsonObject> {
  const { model, stream } = flags;
  if (words.length === 0 && flags.body === undefined) {
    throw usageError('Give a prompt, --body or --job: llm-engine submit --model tiny-chat "Hello".');
  }
  const body = {
    ...(flags.body !== undefined && (await readJsonObject(flags.body))),
    ...(words.length > 0 && promptFields(flags.endpoint, await promptOf(words))),
    ...(model !== undefined && { model }),
    ...(stream === true && flags.endpoint !== 'embeddings' && { stream }),
  };
  if (!('model' in body)) throw usageError('Name a model with --model; llm-engine models lists them.');
  return body;
}

function promptFields(endpoint: SubmitFlags['endpoint'], prompt: string): JsonObject {
  switch (endpoint) {
    case 'chat':
      return { messages: [{ role: 'user', content: prompt }] };
    case 'completions':
      return { prompt };
    case 'embeddings':
      return { input: prompt };
  }
}

function settingsOf({ priority, delay, timeout, maxAttempts, meta, idempotencyKey }: SubmitFlags): JsonObject {
  return {
    ...(priority !== undefined && { priority }),
    ...(delay !== undefined && { delay_ms: delay }),
    ...(timeout !== undefined && { timeout_ms: timeout }),
    ...(maxAttempts !== undefined && { max_attempts: maxAttempts }),
    ...(meta !== undefined && { metadata: meta }),
    ...(idempotencyKey !== undefined && { idempotency_key: idempotencyKey }),
  };
}

async function promptOf(words: readonly string[]): Promise<string> {
  return words.length === 1 && words[0] === STANDARD_INPUT ? (await text(process.stdin)).trimEnd() : words.join(' ');
}

async function readJsonObject(path: string): Promise<JsonObject> {
  const value = parse(await readText(path), path);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw usageError(`${nameOf(path)} must hold a JSON object.`);
  }
  return value as JsonObject;
}

async function readText(path: string): Promise<string> {
  try {
    return path === STANDARD_INPUT ? await text(process.stdin) : await readFile(path, 'utf8');
  } catch (error) {
    throw new CommandError('file_not_readable', `${path} cannot be read: ${messageOf(error)}`, {
      cause: error,
      exitCode: EXIT.usage,
    });
  }
}

function parse(json: string, path: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw usageError(`${nameOf(path)} is not JSON: ${messageOf(error)}`);
  }
}

function nameOf(path: string): string {
  return path === STANDARD_INPUT ? 'Standard input' : path;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
