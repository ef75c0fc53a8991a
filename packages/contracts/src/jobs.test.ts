import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { describeIssue } from './issues.ts';
import { jobSubmission, modelOf } from './jobs.ts';

const MESSAGES = [{ role: 'user', content: 'Hi' }];
const CHAT = { kind: 'inference', endpoint: '/v1/chat/completions', body: { model: 'm', messages: MESSAGES } };
const FINE_TUNE = { kind: 'fine-tune', model: 'm', dataset: 'data.jsonl' };

function paramOf(input: unknown): string | null {
  const parsed = jobSubmission.safeParse(input);
  if (parsed.success) throw new Error(`accepted: ${JSON.stringify(input)}`);
  return describeIssue(parsed.error).param;
}

function chatWith(body: Record<string, unknown>): unknown {
  return { ...CHAT, body: { ...CHAT.body, ...body } };
}

function ask(endpoint: string, body: Record<string, unknown>): unknown {
  return { kind: 'inference', endpoint, body: { model: 'm', ...body } };
}

function pairs(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']));
}

describe('the field at fault is named', () => {
  test.for<[what: string, param: string | null, input: unknown]>([
    ['a submission that is no object', null, 'text'],
    ['no kind', 'kind', { endpoint: '/v1/chat/completions' }],
    ['an unknown kind', 'kind', { ...CHAT, kind: 'batch' }],
    ['a field that does not exist', null, { ...CHAT, prioirty: 'bulk' }],
    ['an unknown endpoint', 'endpoint', { ...CHAT, endpoint: '/v1/images' }],
    ['no body', 'body', { kind: 'inference', endpoint: '/v1/chat/completions' }],
    ['a body that is a list', 'body', { ...CHAT, body: [] }],
    ['no model', 'body.model', { ...CHAT, body: { messages: MESSAGES } }],
    ['a model that is a number', 'body.model', chatWith({ model: 1 })],
    ['an empty model', 'body.model', chatWith({ model: '' })],
    ['a model with a name that is too long', 'body.model', chatWith({ model: 'm'.repeat(513) })],
    ['no messages', 'body.messages', { ...CHAT, body: { model: 'm' } }],
    ['an empty list of messages', 'body.messages', chatWith({ messages: [] })],
    ['a message that is text', 'body.messages[0]', chatWith({ messages: ['Hi'] })],
    ['a message of an unknown role', 'body.messages[1].role', chatWith({ messages: [...MESSAGES, { role: 'bot' }] })],
    ['a content that is a number', 'body.messages[0].content', chatWith({ messages: [{ role: 'user', content: 1 }] })],
    ['a stream that is text', 'body.stream', chatWith({ stream: 'yes' })],
    ['stream options that are text', 'body.stream_options', chatWith({ stream_options: 'usage' })],
    [
      'an include_usage that is a number',
      'body.stream_options.include_usage',
      chatWith({ stream_options: { include_usage: 1 } }),
    ],
    ['a prompt that is a number', 'body.prompt', ask('/v1/completions', { prompt: 1 })],
    ['a prompt of mixed parts', 'body.prompt', ask('/v1/completions', { prompt: ['text', 1] })],
    ['no input', 'body.input', ask('/v1/embeddings', {})],
    ['an empty list of inputs', 'body.input', ask('/v1/embeddings', { input: [] })],
    ['an unknown encoding', 'body.encoding_format', ask('/v1/embeddings', { input: 'x', encoding_format: 'hex' })],
    ['no dimensions', 'body.dimensions', ask('/v1/embeddings', { input: 'x', dimensions: 0 })],
    ['an unknown priority', 'priority', { ...CHAT, priority: 'urgent' }],
    ['a negative delay', 'delayMs', { ...CHAT, delayMs: -1 }],
    ['a delay of half a millisecond', 'delayMs', { ...CHAT, delayMs: 0.5 }],
    ['a delay of more than 30 days', 'delayMs', { ...CHAT, delayMs: 30 * 86_400_000 + 1 }],
    ['no time at all', 'timeoutMs', { ...CHAT, timeoutMs: 0 }],
    ['a limit of more than a day', 'timeoutMs', { ...CHAT, timeoutMs: 86_400_001 }],
    ['no attempt', 'maxAttempts', { ...CHAT, maxAttempts: 0 }],
    ['too many attempts', 'maxAttempts', { ...CHAT, maxAttempts: 101 }],
    ['metadata that is a list', 'metadata', { ...CHAT, metadata: [] }],
    ['metadata with 17 pairs', 'metadata', { ...CHAT, metadata: pairs(17) }],
    ['a metadata value that is a number', 'metadata.k', { ...CHAT, metadata: { k: 1 } }],
    ['a metadata value that is too long', 'metadata.k', { ...CHAT, metadata: { k: 'v'.repeat(513) } }],
    ['an empty idempotency key', 'idempotencyKey', { ...CHAT, idempotencyKey: '' }],
    ['an idempotency key that is too long', 'idempotencyKey', { ...CHAT, idempotencyKey: 'k'.repeat(256) }],
    ['a fine-tune without a model', 'model', { kind: 'fine-tune', dataset: 'd' }],
    ['a fine-tune without a dataset', 'dataset', { kind: 'fine-tune', model: 'm' }],
    ['a fine-tune with an unknown method', 'method', { ...FINE_TUNE, method: 'magic' }],
    ['a suffix that is too long', 'suffix', { ...FINE_TUNE, suffix: 's'.repeat(65) }],
    ['a hyperparameter that is a list', 'hyperparameters.lr', { ...FINE_TUNE, hyperparameters: { lr: [1] } }],
    ['a fine-tune with a body', null, { ...FINE_TUNE, body: {} }],
  ])('%s', ([, param, input]) => {
    expect(paramOf(input)).toBe(param);
  });
});

test('an unknown field is named in the message', () => {
  const parsed = jobSubmission.safeParse({ ...CHAT, prioirty: 'bulk' });

  expect(parsed.success ? '' : describeIssue(parsed.error).message).toContain('prioirty');
});

test('a metadata key that is too long is refused', () => {
  expect(paramOf({ ...CHAT, metadata: { ['k'.repeat(65)]: 'v' } })).toContain('metadata');
});

test('fields of a body that nobody here reads pass through as they are', () => {
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.string({ minLength: 1 }).map((name) => `x_${name}`),
        fc.jsonValue(),
      ),
      (extra) => {
        const parsed = jobSubmission.parse(chatWith({ ...extra, temperature: 0.5 }));

        expect(parsed.kind === 'inference' && parsed.body).toEqual({ ...CHAT.body, ...extra, temperature: 0.5 });
      },
    ),
    { numRuns: 30 },
  );
});

test.for([
  ['/v1/completions', { prompt: 'once' }],
  ['/v1/completions', { prompt: ['once', 'twice'] }],
  ['/v1/completions', { prompt: [1, 2, 3] }],
  ['/v1/completions', { prompt: [[1], [2, 3]] }],
  ['/v1/completions', {}],
  ['/v1/embeddings', { input: 'text' }],
  ['/v1/embeddings', { input: ['text', 'text'] }],
  ['/v1/embeddings', { input: [1, 2] }],
  ['/v1/embeddings', { input: [[1], [2]], encoding_format: 'base64', dimensions: 4 }],
] as const)('%s takes %j', ([endpoint, body]) => {
  expect(jobSubmission.safeParse(ask(endpoint, body)).success).toBe(true);
});

test('every setting of a job is taken at its bounds', () => {
  const settings = { priority: 'bulk', delayMs: 0, timeoutMs: 86_400_000, maxAttempts: 100, metadata: pairs(16) };

  expect(jobSubmission.parse({ ...CHAT, ...settings, idempotencyKey: 'k'.repeat(255) })).toMatchObject(settings);
  expect(jobSubmission.parse({ ...FINE_TUNE, ...settings })).toMatchObject(settings);
});

test('the model of a payload is that of its body, or of its request', () => {
  const shared = { priority: 'standard', owner: 'o' } as const;

  expect(modelOf({ kind: 'inference', endpoint: '/v1/embeddings', body: { model: 'a' }, ...shared })).toBe('a');
  expect(modelOf({ kind: 'fine-tune', request: { model: 'b', dataset: 'd' }, ...shared })).toBe('b');
});
