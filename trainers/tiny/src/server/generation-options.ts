import { randomInt } from 'node:crypto';
import type { GenerateRequest } from '../inference/messages.ts';
import {
  invalid,
  isObject,
  optionalBoolean,
  optionalNumber,
  optionalObject,
  unsupported,
  type Body,
} from './fields.ts';

export interface ResponseMode {
  readonly stream: boolean;
  /** Whether a stream ends with a chunk that only tells the usage. */
  readonly includeUsage: boolean;
}

const maxStops = 16;

/** What chat and completion requests have in common. */
export function parseGenerationOptions(
  body: Body,
  defaultMaxTokens: number | null,
): Omit<GenerateRequest, 'id' | 'kind' | 'prompts'> {
  refuseUnsupported(body);
  const wholeNumber = { min: 1, max: Number.MAX_SAFE_INTEGER, integer: true };
  return {
    choices: optionalNumber(body, 'n', { min: 1, max: 16, integer: true }) ?? 1,
    sampling: {
      temperature: optionalNumber(body, 'temperature', { min: 0, max: 2 }) ?? 1,
      topP: optionalNumber(body, 'top_p', { min: 0, max: 1 }) ?? 1,
    },
    seed:
      optionalNumber(body, 'seed', { min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER, integer: true }) ??
      randomInt(2 ** 32),
    maxTokens:
      optionalNumber(body, 'max_completion_tokens', wholeNumber) ??
      optionalNumber(body, 'max_tokens', wholeNumber) ??
      defaultMaxTokens,
    stop: parseStop(body['stop'] ?? []),
  };
}

export function parseResponseMode(body: Body): ResponseMode {
  const stream = optionalBoolean(body, 'stream');
  return { stream, includeUsage: stream && optionalBoolean(optionalObject(body, 'stream_options'), 'include_usage') };
}

function parseStop(value: unknown): string[] {
  const stops: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (stops.length > maxStops) throw invalid('stop', `"stop" may hold ${maxStops} texts at most.`);
  return stops.map((stop) => {
    if (typeof stop !== 'string' || stop === '') throw invalid('stop', '"stop" should be a text or a list of texts.');
    return stop;
  });
}

function refuseUnsupported(body: Body): void {
  const format = body['response_format'];
  if (isObject(format) && format['type'] !== 'text') {
    throw unsupported('response_format', 'This model answers in plain text only; leave out "response_format".');
  }
  const toolChoice = body['tool_choice'];
  if (toolChoice === 'required' || isObject(toolChoice)) {
    throw unsupported('tool_choice', 'This model cannot call tools; leave out "tool_choice".');
  }
  if (body['logprobs'] !== undefined && body['logprobs'] !== null && body['logprobs'] !== false) {
    throw unsupported('logprobs', 'This server does not tell log probabilities; leave out "logprobs".');
  }
  if (body['echo'] === true) throw unsupported('echo', 'This server does not echo the prompt; leave out "echo".');
}
