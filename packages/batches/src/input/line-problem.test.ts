import { INFERENCE_ENDPOINTS, REQUEST_SCHEMAS } from '@llm-engine/contracts';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findProblem, isRequestLine } from './line-problem.ts';
import { isRequestBody } from './request-check.ts';

const odd = fc.constantFrom<unknown>(null, undefined, '', 'text', 0, -1, 1.5, true, [], {}, [[]], [null]);
const token = fc.constantFrom<unknown>(0, 7, -0, -1, 1.5, 2 ** 53, 'a');
const texts = fc.oneof(
  odd,
  fc.string(),
  fc.array(token, { maxLength: 3 }),
  fc.array(fc.array(token, { maxLength: 2 }), { maxLength: 3 }),
);
const part = fc.oneof(
  odd,
  fc.record({ type: fc.oneof(fc.constant('text'), odd), text: fc.string() }, { requiredKeys: [] }),
);
const message = fc.record(
  {
    role: fc.constantFrom<unknown>('user', 'system', 'tool', 'robot', 1),
    content: fc.oneof(odd, fc.array(part, { maxLength: 3 })),
  },
  { requiredKeys: [] },
);
const streamOptions = fc.oneof(odd, fc.record({ include_usage: odd }, { requiredKeys: [] }));
/** Bodies of every endpoint that are right, or nearly. */
const body = fc.oneof(
  odd,
  fc.record(
    {
      model: fc.oneof(fc.constant('m'), fc.constant('m'), odd, fc.constantFrom('m'.repeat(512), 'm'.repeat(513))),
      messages: fc.oneof(odd, fc.array(fc.oneof(message, odd), { maxLength: 3 })),
      prompt: texts,
      input: texts,
      stream: odd,
      stream_options: streamOptions,
      encoding_format: fc.oneof(odd, fc.constant('base64')),
      dimensions: fc.oneof(odd, token),
      temperature: odd,
    },
    { requiredKeys: ['model'] },
  ),
);

describe('isRequestBody', () => {
  test.each(INFERENCE_ENDPOINTS)('takes for %s what its schema takes, and nothing else', (endpoint) => {
    fc.assert(
      fc.property(body, (value) => {
        expect(isRequestBody(endpoint, value)).toBe(REQUEST_SCHEMAS[endpoint].safeParse(value).success);
      }),
      {
        numRuns: 400,
        examples: [
          [{ model: 'm', messages: [{ role: 'user', content: [{ type: 'text' }] }] }],
          [{ model: 'm', prompt: [[]], input: [[1]] }],
        ],
      },
    );
  });
});

const LINE = {
  custom_id: 'a',
  method: 'POST',
  url: '/v1/chat/completions',
  body: { model: 'm', messages: [{ role: 'user' }] },
};
const CHAT = '/v1/chat/completions';

describe('a line', () => {
  test('that is right has no problem', () => {
    expect(isRequestLine(LINE, CHAT)).toBe(true);
    expect(findProblem(LINE, CHAT, 100)).toBeUndefined();
  });

  test('is taken by hand exactly when its schema takes it', () => {
    const field = fc.oneof(odd, fc.constantFrom('POST', CHAT, 'i'.repeat(512), 'i'.repeat(513)));
    const change = fc.record(
      { custom_id: field, method: field, url: field, body: field, extra: field },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(change, fc.subarray(Object.keys(LINE)), (changes, keys) => {
        const kept = Object.fromEntries(Object.entries(LINE).filter(([key]) => keys.includes(key)));
        // What comes from JSON has no undefined.
        const line: unknown = JSON.parse(JSON.stringify({ ...changes, ...kept }));
        expect(isRequestLine(line, CHAT)).toBe(findProblem(line, CHAT, 100) === undefined);
      }),
    );
  });

  test.each([
    ['is no object', [LINE], 'invalid_request', null, 'must be a JSON object'],
    [
      'has no id',
      { ...LINE, custom_id: undefined },
      'missing_required_parameter',
      'custom_id',
      "'custom_id' is missing",
    ],
    ['has an empty id', { ...LINE, custom_id: '' }, 'invalid_request', 'custom_id', 'must not be empty'],
    ['has a number for an id', { ...LINE, custom_id: 7 }, 'invalid_request', 'custom_id', 'must be a text'],
    ['has a long id', { ...LINE, custom_id: 'i'.repeat(513) }, 'invalid_request', 'custom_id', 'at most 512'],
    ['is a GET', { ...LINE, method: 'GET' }, 'invalid_request', 'method', 'must be POST'],
    [
      'is for another endpoint',
      { ...LINE, url: '/v1/embeddings' },
      'invalid_url',
      'url',
      `must be ${CHAT}, the endpoint`,
    ],
    ['has no body', { ...LINE, body: undefined }, 'missing_required_parameter', 'body', "'body' is missing"],
    ['has a text for a body', { ...LINE, body: 'text' }, 'invalid_request', 'body', 'expected object'],
    ['has no model', { ...LINE, body: { messages: [] } }, 'missing_required_parameter', 'body.model', 'is missing'],
    ['asks nothing', { ...LINE, body: { model: 'm' } }, 'missing_required_parameter', 'body.messages', 'is missing'],
    [
      'has a role that is none',
      { ...LINE, body: { model: 'm', messages: [{ role: 'me' }] } },
      'invalid_request',
      'body.messages[0].role',
      '"user"',
    ],
    [
      'has a field too many',
      { ...LINE, priority: 'high' },
      'invalid_request',
      'priority',
      '"priority" is no field of a batch line',
    ],
  ] as const)('that %s is refused with what to do', (_name, line, code, param, message) => {
    expect(isRequestLine(line, CHAT)).toBe(false);
    expect(findProblem(line, CHAT, 100)).toEqual({ code, param, message: expect.stringContaining(message) });
  });

  test('that names no endpoint that there is gets the list of them', () => {
    const problem = findProblem({ ...LINE, url: '/v1/responses' }, undefined, 100);

    expect(problem).toMatchObject({ code: 'invalid_url', message: expect.stringContaining('/v1/embeddings') });
  });

  test.each([
    [
      'messages',
      [...Array.from({ length: 500 }, () => ({ role: 'user' })), ...Array.from({ length: 500 }, () => 1)],
      500,
    ],
    [
      'messages of many parts',
      [{ role: 'user' }, { role: 'user', content: Array.from({ length: 1_000 }, () => 1) }],
      1,
    ],
  ])('that is long, with many wrong %s, names the first', (_name, messages, first) => {
    const problem = findProblem({ ...LINE, body: { model: 'm', messages } }, CHAT, 1_000_000);

    expect(problem).toMatchObject({
      code: 'invalid_request',
      param: expect.stringContaining(`body.messages[${first}]`),
    });
  });
});
