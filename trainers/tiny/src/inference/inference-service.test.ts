import { expect, test } from 'vitest';
import type { LanguageModel } from '../model/model-file.ts';
import { initialParameters } from '../model/parameters.ts';
import { createRotation } from '../model/rotary.ts';
import { seededRandom } from '../random.ts';
import { createTokenizer } from '../tokenizer/tokenizer.ts';
import { packBatch } from '../training/batch.ts';
import { forward } from '../training/forward.ts';
import { createDecoder } from './decoder.ts';
import { createInferenceService } from './inference-service.ts';
import { createCache } from './key-value-cache.ts';
import type { GenerateRequest, WorkerReply } from './messages.ts';

/** Untrained: it says random bytes, which is all that these tests need. */
const config = { vocabularySize: 261, width: 16, layers: 2, heads: 2, hiddenWidth: 24, context: 96 };
const model: LanguageModel = {
  config,
  tokenizer: createTokenizer([]),
  parameters: initialParameters(config, seededRandom(5)),
};

const request: GenerateRequest = {
  kind: 'generate',
  id: 1,
  prompts: [{ kind: 'text', text: 'What is a queue?' }],
  choices: 1,
  sampling: { temperature: 1, topP: 0.95 },
  seed: 7,
  maxTokens: 20,
  stop: [],
};

function run(...requests: readonly Partial<GenerateRequest>[]): WorkerReply[] {
  const replies: WorkerReply[] = [];
  const service = createInferenceService(model, (reply) => replies.push(reply));
  requests.forEach((change) => service.handle({ ...request, ...change }));
  while (service.step());
  return replies;
}

function textOf(replies: readonly WorkerReply[], id = 1): string {
  return replies.map((reply) => (reply.kind === 'text' && reply.id === id ? reply.text : '')).join('');
}

test('reading token by token with a cache gives the same bits as reading all at once', () => {
  const tokens = [256, 258, 72, 101, 108, 108, 111, 257, 260];
  const whole = forward(model.parameters, packBatch([{ tokens: [...tokens, 0], weights: [] }]), {
    config,
    rotation: createRotation(config),
  });
  const decoder = createDecoder(model);
  const cache = createCache(config);
  const other = createCache(config);
  const pieces = tokens.map((token) =>
    decoder.advance([
      { cache: other, tokens: [65] },
      { cache, tokens: [token] },
    ]),
  );
  expect(pieces.flatMap((states) => [...states.subarray(config.width)])).toEqual([...whole.final]);
});

test('the same seed gives the same answer, another seed another', () => {
  const first = textOf(run({}));
  expect(textOf(run({}))).toBe(first);
  expect(textOf(run({ seed: 8 }))).not.toBe(first);
});

test('an answer does not depend on the answers beside it', () => {
  const alone = textOf(run({}));
  const beside = run({ id: 2, seed: 3, prompts: [{ kind: 'text', text: 'x'.repeat(70) }] }, {}, { id: 3, choices: 3 });
  expect(textOf(beside)).toBe(alone);
});

test('temperature 0 gives the same answer whatever the seed', () => {
  const sampling = { temperature: 0, topP: 1 };
  expect(textOf(run({ sampling, seed: 1 }))).toBe(textOf(run({ sampling, seed: 2 })));
});

test('the answer ends at the limit of tokens, and says so', () => {
  expect(run({ maxTokens: 4 }).at(-1)).toMatchObject({ kind: 'finished', reason: 'length', completionTokens: 4 });
});

test('the answer ends at the end of the context', () => {
  const finished = run({ maxTokens: null, prompts: [{ kind: 'tokens', tokens: Array<number>(90).fill(65) }] }).at(-1);
  expect(finished).toMatchObject({ reason: 'length', completionTokens: 6 });
});

test('a stop sequence ends the answer and is not shown', () => {
  const whole = textOf(run({ sampling: { temperature: 0, topP: 1 } }));
  const stop = whole.slice(3, 6);
  const replies = run({ sampling: { temperature: 0, topP: 1 }, stop: [stop] });
  expect(textOf(replies)).toBe(whole.slice(0, whole.indexOf(stop)));
  expect(replies.at(-1)).toMatchObject({ kind: 'finished', reason: 'stop' });
});

test('a cancelled request says nothing more, and the others go on', () => {
  const replies: WorkerReply[] = [];
  const service = createInferenceService(model, (reply) => replies.push(reply));
  service.handle({ ...request, prompts: [{ kind: 'text', text: 'a' }] });
  service.handle({ ...request, id: 2, prompts: [{ kind: 'text', text: 'b' }] });
  service.step();
  service.handle({ kind: 'cancel', id: 1 });
  const before = replies.length;
  while (service.step());
  expect(replies.slice(before).every((reply) => 'id' in reply && reply.id === 2)).toBe(true);
  expect(replies.at(-1)).toMatchObject({ kind: 'finished', id: 2 });
});

test('a prompt that fills the context is rejected with its length', () => {
  const replies = run({ prompts: [{ kind: 'text', text: 'x'.repeat(200) }] });
  expect(replies).toEqual([{ kind: 'rejected', id: 1, reason: { kind: 'context', tokens: 201, context: 96 } }]);
});

test('an embedding has length one and depends on the text alone', () => {
  const replies: WorkerReply[] = [];
  const service = createInferenceService(model, (reply) => replies.push(reply));
  const text = (value: string) => ({ kind: 'text', text: value }) as const;
  service.handle({ kind: 'embed', id: 1, inputs: [text('a job'), text('a queue'), text('a job')] });
  while (service.step());
  const [reply] = replies;
  const vectors = reply?.kind === 'embedded' ? reply.vectors : [];
  expect(Math.hypot(...(vectors[0] ?? []))).toBeCloseTo(1, 5);
  expect(vectors[2]).toEqual(vectors[0]);
  expect(vectors[1]).not.toEqual(vectors[0]);
});
