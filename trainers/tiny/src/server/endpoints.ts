import { ApiError } from './api-error.ts';
import { chatShape, completionShape } from './answer-shape.ts';
import { readBody, sendJson, type Exchange } from './exchange.ts';
import { invalid, requiredString, unsupported, type Body } from './fields.ts';
import { answerGeneration } from './generate.ts';
import { parseGenerationOptions, parseResponseMode } from './generation-options.ts';
import type { InferenceClient } from './inference-client.ts';
import { parseMessages, parsePrompts } from './prompts.ts';

export interface ServedModel {
  readonly name: string;
  /** Integer seconds. */
  readonly created: number;
  readonly inference: InferenceClient;
}

const maxPrompts = 64;
const maxInputs = 2048;
/** What the OpenAI API generates for a completion that names no limit. */
const defaultCompletionTokens = 16;

export async function chatCompletions(exchange: Exchange, model: ServedModel): Promise<void> {
  const body = await readBody(exchange);
  requireModel(body, model);
  await answerGeneration(exchange, model.inference, {
    request: { ...parseGenerationOptions(body, null), prompts: [{ kind: 'chat', messages: parseMessages(body) }] },
    mode: parseResponseMode(body),
    shape: chatShape(model.name),
  });
}

export async function completions(exchange: Exchange, model: ServedModel): Promise<void> {
  const body = await readBody(exchange);
  requireModel(body, model);
  const options = parseGenerationOptions(body, defaultCompletionTokens);
  await answerGeneration(exchange, model.inference, {
    request: { ...options, prompts: parsePrompts(body, 'prompt', maxPrompts) },
    mode: parseResponseMode(body),
    shape: completionShape(model.name),
  });
}

export async function embeddings(exchange: Exchange, model: ServedModel): Promise<void> {
  const body = await readBody(exchange);
  requireModel(body, model);
  const format = body['encoding_format'] ?? 'float';
  if (format !== 'float' && format !== 'base64') {
    throw invalid('encoding_format', '"encoding_format" should be "float" or "base64".');
  }
  if (body['dimensions'] !== undefined) {
    throw unsupported('dimensions', 'The length of the vectors is fixed; leave out "dimensions".');
  }
  const inputs = parsePrompts(body, 'input', maxInputs);
  const { vectors, promptTokens } = await model.inference.embed(inputs, exchange.signal);
  sendJson(exchange, 200, {
    object: 'list',
    model: model.name,
    data: vectors.map((vector, index) => ({
      object: 'embedding',
      index,
      embedding: format === 'base64' ? littleEndianBase64(vector) : [...vector],
    })),
    usage: { prompt_tokens: promptTokens, total_tokens: promptTokens },
  });
}

export function listModels(exchange: Exchange, model: ServedModel): void {
  sendJson(exchange, 200, { object: 'list', data: [modelObject(model)] });
}

export function retrieveModel(exchange: Exchange, model: ServedModel, name: string): void {
  if (name !== model.name) throw unknownModel(name);
  sendJson(exchange, 200, modelObject(model));
}

export function health(exchange: Exchange, model: ServedModel): void {
  if (!model.inference.healthy) throw new ApiError('worker_died', 'The inference thread has died; restart the server.');
  sendJson(exchange, 200, { status: 'ok', model: model.name });
}

function modelObject({ name, created }: ServedModel): object {
  return { id: name, object: 'model', created, owned_by: 'llm-engine' };
}

function requireModel(body: Body, model: ServedModel): void {
  const name = requiredString(body, 'model');
  if (name !== model.name) throw unknownModel(name);
}

function unknownModel(name: string): ApiError {
  return new ApiError('model_not_found', `The model "${name}" does not exist; GET /v1/models lists what does.`, {
    param: 'model',
  });
}

/** The order of bytes is part of the format, whatever this machine's own. */
function littleEndianBase64(vector: Float32Array): string {
  const bytes = Buffer.alloc(vector.length * 4);
  vector.forEach((value, i) => bytes.writeFloatLE(value, i * 4));
  return bytes.toString('base64');
}
