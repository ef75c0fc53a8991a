import { FailureError } from '@llm-engine/contracts';
import type { ModelExecutor } from '../executor.ts';

/** An executor under test, and the body fields that make what is behind it play a case. */
export interface ConformanceSubject extends AsyncDisposable {
  readonly executor: ModelExecutor;
  /** A model that answers every endpoint. */
  readonly model: string;
  readonly cases: {
    readonly hang: Fields;
    readonly hangAfterOneChunk: Fields;
    /** Asks to wait for two seconds. */
    readonly rateLimited: Fields;
    readonly badRequest: Fields;
    readonly interruptedAfterOneChunk: Fields;
  };
  /** Resolves when the first request has reached what is behind the executor. */
  readonly arrived: () => Promise<unknown>;
}

/** One that trains: with the hyperparameters of a run that ends within milliseconds, of one that fails, of one that goes on. */
export interface TrainingSubject extends ConformanceSubject {
  readonly training: Readonly<Record<'short' | 'failing' | 'long', Hyperparameters>>;
}

export type Fields = Readonly<Record<string, unknown>>;
export type Hyperparameters = Readonly<Record<string, number>>;

/** Makes a fresh subject for each test. */
export type StartSubject<S extends ConformanceSubject = ConformanceSubject> = () => Promise<S>;

/** The failure that a promise rejects with; what else it ends with is returned as it is. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof FailureError ? error.failure : error;
}

export function never(): AbortSignal {
  return new AbortController().signal;
}

/** All that an iterable yields. */
export async function collect<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of iterable) items.push(item);
  return items;
}
