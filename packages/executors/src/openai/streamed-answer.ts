import { FailureError, failure } from '@llm-engine/contracts';
import { createParser } from 'eventsource-parser';
import type { EventSourceMessage } from 'eventsource-parser';
import { Assembly } from './assembly.ts';
import type { ReplySink } from './exchange.ts';
import { frameFailure, malformed } from './failures.ts';
import { isObject, parseJson } from './json.ts';
import type { JsonObject } from './json.ts';

interface StreamedAnswerOptions {
  /** Of the server, for messages. */
  readonly url: string;
  readonly object: 'chat.completion' | 'text_completion';
  /** The name that the caller knows the model by. */
  readonly model: string;
  readonly expectedChoices: number;
  /** Whether the chunk that holds nothing but token counts was asked for. */
  readonly forwardUsage: boolean;
  readonly onChunk: ((chunk: string) => void) | undefined;
  readonly onFirstChunk: () => void;
}

/** Reads a streamed answer: hands on each chunk as it comes and assembles the whole. */
export class StreamedAnswer implements ReplySink {
  readonly #options: StreamedAnswerOptions;
  readonly #assembly: Assembly;
  readonly #decoder = new TextDecoder();
  readonly #parser = createParser({ onEvent: (event) => this.#onEvent(event) });
  #started = false;
  #done = false;

  constructor(options: StreamedAnswerOptions) {
    this.#options = options;
    this.#assembly = new Assembly(options.object);
  }

  push(bytes: Buffer): boolean {
    this.#parser.feed(this.#decoder.decode(bytes, { stream: true }));
    return this.#done;
  }

  /** The body has ended, well or not: the whole answer when it is complete, else a failure. */
  finish(): JsonObject {
    // Some servers omit the blank line that ends the last event.
    if (!this.#done) this.#parser.feed(`${this.#decoder.decode()}\n\n`);
    if (this.isComplete) return this.#assembly.body();
    const { url } = this.#options;
    if (!this.#started) throw new FailureError(malformed(url, 'answered without a single event'));
    throw new FailureError(
      failure('stream_interrupted', `${url} ended its stream before the answer was complete; see its log.`),
    );
  }

  /** A server that forgets `[DONE]`, or that dies after its last word, has still answered. */
  get isComplete(): boolean {
    return this.#started && (this.#done || this.#assembly.isComplete(this.#options.expectedChoices));
  }

  #onEvent({ data, event }: EventSourceMessage): void {
    if (this.#done || data === '') return;
    if (data === '[DONE]') {
      this.#done = true;
      return;
    }
    const { url, model, onChunk, onFirstChunk } = this.#options;
    const chunk = parseJson(data);
    if (!isObject(chunk)) throw new FailureError(malformed(url, 'sent an event that is not a JSON object'));
    if (isError(chunk) || event === 'error') throw new FailureError(frameFailure(url, model, chunk));
    if (!this.#started) {
      this.#started = true;
      onFirstChunk();
    }
    const text = this.#renamed(chunk, data);
    if (onChunk !== undefined && (this.#options.forwardUsage || !holdsOnlyUsage(chunk))) onChunk(text);
  }

  /** Adds the chunk to the whole under the caller's name for the model, and returns its text. */
  #renamed(chunk: JsonObject, text: string): string {
    const { model } = this.#options;
    if (chunk['model'] === model || chunk['model'] === undefined) {
      this.#assembly.add(chunk);
      // A chunk is one line, and an event may have several.
      return /[\r\n]/.test(text) ? JSON.stringify(chunk) : text;
    }
    const renamed = { ...chunk, model };
    this.#assembly.add(renamed);
    return JSON.stringify(renamed);
  }
}

export function isError(body: JsonObject): boolean {
  return body['error'] !== undefined && body['error'] !== null;
}

function holdsOnlyUsage({ choices, usage }: JsonObject): boolean {
  return Array.isArray(choices) && choices.length === 0 && isObject(usage);
}
