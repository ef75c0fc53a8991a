import { Worker } from 'node:worker_threads';
import type { EmbedRequest, GenerateRequest, Rejection, WorkerReply, WorkerRequest } from '../inference/messages.ts';
import { ApiError } from './api-error.ts';
import { createReplyQueue, type ReplyQueue } from './reply-queue.ts';

type GenerationReply = Extract<WorkerReply, { kind: 'started' | 'text' | 'finished' }>;
type EmbeddedReply = Extract<WorkerReply, { kind: 'embedded' }>;

/**
 * Owns the inference thread:
 * 1. starts it and waits until the model is loaded;
 * 2. sends requests to it and sorts its replies by request;
 * 3. tells it to stop what nobody waits for any more;
 * 4. fails what is open when it dies, and ends it on close.
 */
export class InferenceClient implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #open = new Map<number, ReplyQueue>();
  #lastId = 0;
  #failure: ApiError | undefined;

  readonly #ready = Promise.withResolvers<void>();

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', (reply: WorkerReply) => {
      if (reply.kind === 'ready') this.#ready.resolve();
      else this.#open.get(reply.id)?.push(reply);
    });
    worker.on('error', (cause) => this.#fail(new ApiError('worker_died', 'The inference thread died.', { cause })));
    worker.on('exit', () => this.#fail(new ApiError('worker_died', 'The inference thread has ended.')));
  }

  /** Rejects when the weights cannot be read. */
  static async start(weights: string): Promise<InferenceClient> {
    const client = new InferenceClient(new Worker(workerFile(), { workerData: { weights } }));
    await client.#ready.promise;
    return client;
  }

  get healthy(): boolean {
    return this.#failure === undefined;
  }

  /** What becomes of a request, until all its choices are finished. The generation stops when the signal aborts or the caller leaves the loop. */
  async *generate(
    request: Omit<GenerateRequest, 'id' | 'kind'>,
    signal: AbortSignal,
  ): AsyncGenerator<GenerationReply, void> {
    let open = request.prompts.length * request.choices;
    for await (const reply of this.#send((id) => ({ kind: 'generate', id, ...request }), signal)) {
      if (reply.kind === 'embedded') continue;
      yield reply;
      if (reply.kind === 'finished' && --open === 0) return;
    }
  }

  async embed(inputs: EmbedRequest['inputs'], signal: AbortSignal): Promise<EmbeddedReply> {
    for await (const reply of this.#send((id) => ({ kind: 'embed', id, inputs }), signal)) {
      if (reply.kind === 'embedded') return reply;
    }
    throw new ApiError('worker_died', 'The inference thread gave no embedding.');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#fail(new ApiError('worker_died', 'The server is closing.'));
    await this.#worker.terminate();
  }

  async *#send(
    build: (id: number) => WorkerRequest,
    signal: AbortSignal,
  ): AsyncGenerator<GenerationReply | EmbeddedReply, void> {
    if (this.#failure) throw this.#failure;
    const id = ++this.#lastId;
    const replies = createReplyQueue();
    const abort = (): void => replies.fail(signal.reason);
    this.#open.set(id, replies);
    signal.addEventListener('abort', abort, { once: true });
    try {
      signal.throwIfAborted();
      this.#post(build(id));
      for (;;) {
        const reply = await replies.next();
        if (reply.kind === 'rejected') throw rejection(reply.reason);
        yield reply;
      }
    } finally {
      signal.removeEventListener('abort', abort);
      this.#open.delete(id);
      // Harmless when the request is done; otherwise nobody would ever read the rest.
      if (!this.#failure) this.#post({ kind: 'cancel', id });
    }
  }

  #post(request: WorkerRequest): void {
    this.#worker.postMessage(request, []);
  }

  #fail(failure: ApiError): void {
    this.#failure ??= failure;
    this.#ready.reject(failure.cause ?? failure);
    for (const replies of this.#open.values()) replies.fail(this.#failure);
  }
}

/** The sources run as they are, the build as JavaScript; the compiler rewrites imports, but not this. */
function workerFile(): URL {
  const source = new URL('../inference/inference-worker.ts', import.meta.url);
  return import.meta.url.endsWith('.ts') ? source : new URL(source.href.replace(/\.ts$/, '.js'));
}

function rejection(reason: Rejection): ApiError {
  if (reason.kind === 'context') {
    return new ApiError(
      'context_length_exceeded',
      `This model's maximum context length is ${reason.context} tokens; your input holds ${reason.tokens}. Shorten it.`,
    );
  }
  if (reason.kind === 'token') {
    return new ApiError(
      'invalid_value',
      `Token ${reason.token} is not in the vocabulary; send tokens below ${reason.vocabularySize}.`,
    );
  }
  return new ApiError('overloaded', `${reason.waiting} sequences are waiting already; send the request again later.`);
}
