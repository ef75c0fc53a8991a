import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { buildSubmission } from './submission.ts';

const flags = { endpoint: 'chat', model: 'm' } as const;

async function temporaryFile(content: string): Promise<{ readonly path: string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'llm-engine-body-'));
  const path = join(folder, 'file.json');
  await writeFile(path, content);
  return { path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

describe('buildSubmission', () => {
  test('words become the message of a chat request', async () => {
    const submission = await buildSubmission(['Hello', 'there'], flags);

    expect(submission).toEqual({
      kind: 'inference',
      endpoint: '/v1/chat/completions',
      body: { model: 'm', messages: [{ role: 'user', content: 'Hello there' }] },
    });
  });

  test.each([
    ['completions', { endpoint: '/v1/completions', body: { model: 'm', prompt: 'Hello', stream: true } }],
    ['embeddings', { endpoint: '/v1/embeddings', body: { model: 'm', input: 'Hello' } }],
  ] as const)('%s takes the prompt where it belongs', async (endpoint, expected) => {
    const submission = await buildSubmission(['Hello'], { ...flags, endpoint, stream: true });

    expect(submission).toMatchObject(expected);
    expect(submission['body']).toEqual(expected.body);
  });

  test('settings get their names of the HTTP API', async () => {
    const submission = await buildSubmission(['Hello'], {
      ...flags,
      priority: 'bulk',
      delay: 5_000,
      timeout: 60_000,
      maxAttempts: 2,
      meta: { run: '7' },
      idempotencyKey: 'once',
    });

    expect(submission).toMatchObject({
      priority: 'bulk',
      delay_ms: 5_000,
      timeout_ms: 60_000,
      max_attempts: 2,
      metadata: { run: '7' },
      idempotency_key: 'once',
    });
  });

  test('the command line goes before the body of a file', async () => {
    await using file = await temporaryFile('{"model":"other","temperature":0.5,"messages":[]}');

    const submission = await buildSubmission(['Hello'], { ...flags, body: file.path });

    expect(submission['body']).toEqual({
      model: 'm',
      temperature: 0.5,
      messages: [{ role: 'user', content: 'Hello' }],
    });
  });

  test('a whole job comes from a file', async () => {
    await using file = await temporaryFile('{"kind":"fine-tune","model":"base","dataset":"train.jsonl"}');

    const submission = await buildSubmission([], { endpoint: 'chat', job: file.path, priority: 'bulk' });

    expect(submission).toEqual({ kind: 'fine-tune', model: 'base', dataset: 'train.jsonl', priority: 'bulk' });
  });

  test.each([
    ['nothing to ask', [], flags, 'Give a prompt'],
    ['no model', ['Hello'], { endpoint: 'chat' }, '--model'],
    ['a job and a prompt', ['Hello'], { endpoint: 'chat', job: 'job.json' }, '--job holds the whole job'],
    ['a file that is not there', [], { ...flags, body: '/nowhere/body.json' }, '/nowhere/body.json cannot be read'],
  ] as const)('%s is refused with what to do', async (_name, words, given, message) => {
    const building = buildSubmission(words, given);

    await expect(building).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining(message) });
  });

  test.each(['{"model":', '[1]'])('a file that holds %s is refused', async (content) => {
    await using file = await temporaryFile(content);

    const building = buildSubmission([], { ...flags, body: file.path });

    await expect(building).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining(file.path) });
  });
});
