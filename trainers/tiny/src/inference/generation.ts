import type { TextDecoder } from 'node:util';
import { seededRandom, type Random } from '../random.ts';
import { utf8Decoder, type Tokenizer } from '../tokenizer/tokenizer.ts';
import { specialTokenId } from '../tokenizer/vocabulary.ts';
import type { KeyValueCache } from './key-value-cache.ts';
import type { FinishReason } from './messages.ts';
import { sample, type SamplingOptions } from './sampling.ts';
import { createStopScanner, type StopScanner } from './stop-sequences.ts';

/** One answer on its way: what it has read, what it has said, and when it ends. */
export interface Generation {
  readonly kind: 'generation';
  /** The request it belongs to. */
  readonly owner: number;
  readonly cache: KeyValueCache;
  /** Tokens the model has yet to read: what is left of the prompt, then the last token chosen. */
  pending: readonly number[];
  readonly listener: GenerationListener;
  readonly options: GenerationOptions;
  readonly random: Random;
  readonly scanner: StopScanner;
  readonly utf8: TextDecoder;
  produced: number;
}

export interface GenerationOptions extends SamplingOptions {
  readonly seed: number;
  readonly maxTokens: number;
  readonly stop: readonly string[];
}

export interface GenerationListener {
  onText(text: string): void;
  onFinish(reason: FinishReason, tokens: number): void;
}

export function createGeneration({
  owner,
  cache,
  prompt,
  options,
  listener,
}: {
  readonly owner: number;
  readonly cache: KeyValueCache;
  readonly prompt: readonly number[];
  readonly options: GenerationOptions;
  readonly listener: GenerationListener;
}): Generation {
  return {
    kind: 'generation',
    owner,
    cache,
    pending: prompt,
    listener,
    options,
    random: seededRandom(options.seed),
    scanner: createStopScanner(options.stop),
    utf8: utf8Decoder(),
    produced: 0,
  };
}

/** Chooses the next token from its scores and says what became certain. Returns whether the answer goes on. */
export function generateToken(generation: Generation, scores: Float32Array, tokenizer: Tokenizer): boolean {
  const { options, listener, scanner } = generation;
  const token = sample(scores, options, generation.random);
  generation.produced++;
  if (token === specialTokenId('<|end|>')) return finish(generation, 'stop');

  // The decoder keeps the bytes of an unfinished character until the rest has come.
  const decoded = generation.utf8.decode(tokenizer.bytes(token), { stream: true });
  const { text, stopped } = scanner.push(decoded);
  if (text !== '') listener.onText(text);
  if (stopped) {
    listener.onFinish('stop', generation.produced);
    return false;
  }
  if (generation.produced >= options.maxTokens) return finish(generation, 'length');
  generation.pending = [token];
  return true;
}

/** Shows what was held back as a possible stop sequence. Half a character at the end is dropped. */
function finish({ listener, scanner, produced }: Generation, reason: FinishReason): false {
  const text = scanner.flush();
  if (text !== '') listener.onText(text);
  listener.onFinish(reason, produced);
  return false;
}
