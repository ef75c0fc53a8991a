import { createExecutors, parseEngineConfig } from '@llm-engine/executors';
import type { ExecutorRegistry } from '@llm-engine/executors';
import { expect, test } from 'vitest';
import { TestBatches, chatLine, chatLines } from '../support/batches.ts';
import { modelInfo } from '../support/engine.ts';
import { startModelServer } from '../support/model-server.ts';
import type { ModelServer } from '../support/model-server.ts';
import { workerOf } from '../support/worker.ts';

/** What runs the model `m` on that server. */
function executorsOf(server: ModelServer): ExecutorRegistry {
  return createExecutors(
    parseEngineConfig(`models: { m: { executor: openai, endpoints: [${server.url}] } }`, 'engine.yaml'),
    {
      env: {},
    },
  );
}

test('every line is in the output once, in the order of the input, with counts and tokens', async () => {
  await using server = await startModelServer({ models: ['m'] });
  await using executors = executorsOf(server);
  await using engine = await TestBatches.start();
  await using _worker = await workerOf(engine.engine, executors, { storage: engine.storage });

  const made = await engine.create(chatLines(1_000), { metadata: { for: 'test' } });
  const batch = await engine.ended(made.id);

  expect(made.status).toBe('validating');
  expect(batch).toMatchObject({
    status: 'completed',
    model: 'm',
    request_counts: { total: 1_000, completed: 1_000, failed: 0 },
    error_file_id: null,
    errors: null,
    metadata: { for: 'test' },
  });
  expect(batch.usage.total_tokens).toBeGreaterThan(0);
  const lines = await engine.lines(batch.output_file_id);
  expect(lines.map((line) => line.custom_id)).toEqual(Array.from({ length: 1_000 }, (_, index) => `line-${index}`));
  expect(new Set(lines.map(({ id }) => id)).size).toBe(1_000);
  expect(lines[7]).toMatchObject({
    response: { status_code: 200, body: { object: 'chat.completion', model: 'm' } },
    error: null,
  });
  expect(server.requests).toHaveLength(1_000);
});

test('a line that the model server refuses goes to the error file with the status and body of the server', async () => {
  await using server = await startModelServer({ models: ['m'] });
  await using executors = executorsOf(server);
  await using engine = await TestBatches.start();
  await using _worker = await workerOf(engine.engine, executors, { storage: engine.storage });
  const error = { message: 'no such tool', type: 'invalid_request_error', param: 'tools', code: 'bad_tool' };
  const refused = { behaviour: { kind: 'status', status: 422, error } };

  const { id } = await engine.create(chatLine('good') + chatLine('bad', refused) + chatLine('fine'));
  const batch = await engine.ended(id);

  expect(batch).toMatchObject({ status: 'completed', request_counts: { total: 3, completed: 2, failed: 1 } });
  expect((await engine.lines(batch.output_file_id)).map((line) => line.custom_id)).toEqual(['good', 'fine']);
  expect(await engine.lines(batch.error_file_id)).toEqual([
    expect.objectContaining({
      custom_id: 'bad',
      response: expect.objectContaining({ status_code: 422, body: { error } }),
      error: null,
    }),
  ]);
});

test('a batch of a file with wrong lines fails with every one of them, and nothing is run', async () => {
  await using server = await startModelServer({ models: ['m'] });
  await using executors = executorsOf(server);
  await using engine = await TestBatches.start();
  await using _worker = await workerOf(engine.engine, executors, { storage: engine.storage });

  const { id } = await engine.create(`${chatLine('a')}no json\n${chatLine('a')}`);
  const batch = await engine.ended(id);

  expect(batch.status).toBe('failed');
  expect(batch.errors?.data.map(({ code, line }) => [code, line])).toEqual([
    ['invalid_json_line', 2],
    ['duplicate_custom_id', 3],
  ]);
  expect(server.requests).toEqual([]);
});

test('a batch for a model that nobody runs fails, and says which models there are', async () => {
  await using engine = await TestBatches.start({ models: [modelInfo('other')] });
  await using server = await startModelServer({ models: ['other'] });
  await using executors = executorsOf(server);
  await using _worker = await workerOf(engine.engine, executors, { storage: engine.storage });

  const { id } = await engine.create(chatLine('a', { model: 'nobody' }));
  const batch = await engine.ended(id);

  expect(batch.errors?.data).toEqual([
    { code: 'model_not_found', message: expect.stringContaining('other'), param: 'body.model', line: 1 },
  ]);
});
