import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { Decoder } from './decoder.ts';
import { generateToken, type Generation } from './generation.ts';
import { addStates, finishEmbedding, type TextEmbedding } from './text-embedding.ts';

type Sequence = Generation | TextEmbedding;

export interface Scheduler {
  add(sequences: readonly Sequence[]): void;
  /** Drops all sequences of a request. */
  cancel(owner: number): void;
  /** Sequences that have not had their turn yet. */
  waiting(): number;
  /** One pass of the model over all active sequences: each reads a piece of its prompt or says one token. False: nothing to do. */
  step(): boolean;
}

/** Sequences in one pass; the others wait their turn, in order. */
const maxActive = 32;
/** Tokens read in one pass, shared evenly: a long prompt cannot hold up the answers beside it for more than some 40 ms. */
const tokensPerStep = 128;

export function createScheduler(decoder: Decoder, tokenizer: Tokenizer): Scheduler {
  let waiting: Sequence[] = [];
  let active: Sequence[] = [];

  return {
    add: (sequences) => {
      waiting.push(...sequences);
    },
    cancel: (owner) => {
      waiting = waiting.filter((sequence) => sequence.owner !== owner);
      active = active.filter((sequence) => sequence.owner !== owner);
    },
    waiting: () => waiting.length,
    step: () => {
      active.push(...waiting.splice(0, maxActive - active.length));
      if (active.length === 0) return false;
      const read = readTokens(decoder, active);
      const finished = new Set([...finishEmbeddings(read), ...generateTokens(decoder, tokenizer, read)]);
      active = active.filter((sequence) => !finished.has(sequence));
      return true;
    },
  };
}

interface Reading {
  readonly sequence: Sequence;
  /** [tokens read, width] */
  readonly states: Float32Array;
}

function readTokens(decoder: Decoder, active: readonly Sequence[]): Reading[] {
  const share = Math.max(1, Math.floor(tokensPerStep / active.length));
  const spans = active.map(({ cache, pending }) => ({ cache, tokens: pending.slice(0, share) }));
  const states = decoder.advance(spans);
  let end = 0;
  return active.map((sequence) => {
    const start = end;
    end += Math.min(share, sequence.pending.length) * decoder.width;
    sequence.pending = sequence.pending.slice(share);
    return { sequence, states: states.subarray(start, end) };
  });
}

function finishEmbeddings(readings: readonly Reading[]): Sequence[] {
  const finished: Sequence[] = [];
  for (const { sequence, states } of readings) {
    if (sequence.kind !== 'embedding') continue;
    addStates(sequence, states);
    if (sequence.pending.length > 0) continue;
    finishEmbedding(sequence);
    finished.push(sequence);
  }
  return finished;
}

/** Those that have read all they had say one more token. Returns those that ended with it. */
function generateTokens(decoder: Decoder, tokenizer: Tokenizer, readings: readonly Reading[]): Sequence[] {
  const { width } = decoder;
  const speakers: Generation[] = [];
  const lastStates: number[] = [];
  for (const { sequence, states } of readings) {
    if (sequence.kind !== 'generation' || sequence.pending.length > 0) continue;
    speakers.push(sequence);
    lastStates.push(...states.subarray(states.length - width));
  }
  if (speakers.length === 0) return [];
  const scores = decoder.score(Float32Array.from(lastStates));
  const { vocabularySize } = tokenizer;
  return speakers.filter((speaker, i) => {
    const goesOn = generateToken(speaker, scores.subarray(i * vocabularySize, (i + 1) * vocabularySize), tokenizer);
    return !goesOn;
  });
}
