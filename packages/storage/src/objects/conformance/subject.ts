import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { EngineError } from '@llm-engine/contracts';
import type { ObjectStore } from '../object-store.ts';

/** An object store under test, which is empty. */
export interface StoreSubject extends AsyncDisposable {
  readonly store: ObjectStore;
  /** A write of so many bytes, after which the memory of this process has grown by less than `memoryBytes`. */
  readonly long: { readonly bytes: number; readonly memoryBytes: number };
  /** So many bytes are written in several steps. */
  readonly severalSteps: number;
  /** More objects than it lists, or deletes, at once. */
  readonly many: number;
  /** Puts a small object under each of many keys, on the quickest way. */
  readonly fill: (keys: readonly string[]) => Promise<void>;
  /** Leaves behind what a writer leaves that is killed. */
  readonly abandon: () => Promise<void>;
  /** From now on the store cannot be reached. */
  readonly down: () => Promise<void>;
}

/** Makes a fresh subject for each test. */
export type StartStore = () => Promise<StoreSubject>;

export function never(): AbortSignal {
  return new AbortController().signal;
}

/** What a promise rejects with; undefined when it resolves. */
export async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** The code of the engine's error that a promise rejects with; what else it ends with is returned as it is. */
export async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  const error = await errorOf(promise);
  return error instanceof EngineError ? error.code : error;
}

export async function* bytes(...parts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part);
}

const BLOCK_BYTES = 64 * 1024;

/** So many bytes, in blocks that differ; `each` is called before each. */
export async function* blocks(total: number, each?: (given: number) => void): AsyncGenerator<Uint8Array> {
  for (let given = 0; given < total; given += BLOCK_BYTES) {
    each?.(given);
    yield Buffer.alloc(Math.min(BLOCK_BYTES, total - given), (given / BLOCK_BYTES) % 251);
  }
}

/** Bytes of memory that are still used by something. */
export function usedMemory(): number {
  // What the first leaves to another thread is done before the second.
  collectGarbage();
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
