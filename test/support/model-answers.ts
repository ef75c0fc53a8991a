/** A request for inference as the model server has read it. */
export interface ModelRequest {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly stream: boolean;
}

const DEFAULT_REPLY = 'Hello from the model server.';

/** The whole answer in the shape of the request's endpoint. */
export function answerBody(request: ModelRequest, reply = DEFAULT_REPLY): Record<string, unknown> {
  if (request.path.endsWith('/embeddings')) return embeddings(request);
  const chat = isChat(request);
  const { words, finish_reason } = cut(request, reply);
  const text = words.join('');
  const choices = indexes(request).map((index) =>
    chat
      ? { index, message: { role: 'assistant', content: text, refusal: null }, logprobs: null, finish_reason }
      : { index, text, logprobs: null, finish_reason },
  );
  return { ...head(request, chat ? 'chat.completion' : 'text_completion'), choices, usage: usage(request, words) };
}

/** The chunks of a streamed answer; the one with nothing but usage only where it was asked for. */
export function* answerChunks(request: ModelRequest, reply = DEFAULT_REPLY): Generator<Record<string, unknown>> {
  const chat = isChat(request);
  const { words, finish_reason } = cut(request, reply);
  const chunkHead = head(request, chat ? 'chat.completion.chunk' : 'text_completion');
  const chunk = (index: number, text: string, reason: string | null): Record<string, unknown> => ({
    ...chunkHead,
    choices: [{ index, ...(chat ? { delta: { content: text } } : { text }), logprobs: null, finish_reason: reason }],
  });
  if (chat) {
    for (const index of indexes(request)) {
      yield { ...chunkHead, choices: [{ index, delta: { role: 'assistant', content: '' }, finish_reason: null }] };
    }
  }
  for (const word of words) for (const index of indexes(request)) yield chunk(index, word, null);
  for (const index of indexes(request)) yield chunk(index, '', finish_reason);
  if (wantsUsage(request)) yield { ...chunkHead, choices: [], usage: usage(request, words) };
}

function embeddings({ body }: ModelRequest): Record<string, unknown> {
  const inputs = Array.isArray(body['input']) && typeof body['input'][0] !== 'number' ? body['input'] : [body['input']];
  const data = inputs.map((_, index) => {
    const vector = Float32Array.of(1, 0.5, -0.25, index);
    const base64 = body['encoding_format'] === 'base64';
    const embedding = base64 ? Buffer.from(vector.buffer).toString('base64') : [...vector];
    return { object: 'embedding', index, embedding };
  });
  const tokens = inputs.length * 3;
  return { object: 'list', model: body['model'], data, usage: { prompt_tokens: tokens, total_tokens: tokens } };
}

function isChat({ path }: ModelRequest): boolean {
  return path.endsWith('/chat/completions');
}

function head({ body }: ModelRequest, object: string): Record<string, unknown> {
  return { id: 'answer-1', object, created: 1_700_000_000, model: body['model'] };
}

function cut({ body }: ModelRequest, reply: string): { words: readonly string[]; finish_reason: string } {
  const words = reply.match(/\s*\S+/g) ?? [];
  const limit = typeof body['max_tokens'] === 'number' ? body['max_tokens'] : words.length;
  return { words: words.slice(0, limit), finish_reason: limit < words.length ? 'length' : 'stop' };
}

function indexes({ body }: ModelRequest): readonly number[] {
  const count = typeof body['n'] === 'number' ? body['n'] : 1;
  return Array.from({ length: count }, (_, index) => index);
}

function usage(request: ModelRequest, words: readonly string[]): Record<string, number> {
  const completion = words.length * indexes(request).length;
  return { prompt_tokens: 3, completion_tokens: completion, total_tokens: 3 + completion };
}

function wantsUsage({ body }: ModelRequest): boolean {
  const options = body['stream_options'];
  return (
    typeof options === 'object' && options !== null && 'include_usage' in options && options.include_usage === true
  );
}
