import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startEngine } from '@llm-engine/cli';
import { expect, test } from 'vitest';
import { TemporaryFolder } from '../support/cli.ts';

const run = promisify(execFile);
const HAS_CURL = spawnSync('curl', ['--version']).status === 0;
const ports = { producer: 0, monitor: 0, worker: 0 };

function example(name: string): string {
  return fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));
}

function settings(producerUrl = ''): { readonly env: NodeJS.ProcessEnv } {
  return { env: { PATH: process.env['PATH'], LLM_ENGINE_URL: producerUrl } };
}

test("the example with OpenAI's client is answered, streamed to, and told what is wrong", async () => {
  await using folder = await TemporaryFolder.create();
  await using engine = await startEngine({ home: folder.path, ports, env: {} });

  const { stdout } = await run(process.execPath, [example('openai-sdk.ts')], settings(engine.producerUrl));

  expect(stdout).toMatch(/^Models: .*tiny-chat/m);
  expect(stdout).toMatch(/^Answer: \w/m);
  expect(stdout).toMatch(/^Stream: \w.*\nTokens: \d+/m);
  expect(stdout).toMatch(/^Embeddings: \d+ numbers, \d+ numbers$/m);
  expect(stdout).toMatch(/^Error: model_not_found - /m);
});

test.skipIf(!HAS_CURL)('the example with curl submits, waits, streams and cancels', async () => {
  await using folder = await TemporaryFolder.create();
  await using engine = await startEngine({ home: folder.path, ports, env: {} });

  const { stdout } = await run('sh', [example('curl.sh')], settings(engine.producerUrl));

  expect(stdout).toContain('"object":"chat.completion"');
  expect(stdout).toContain('"state":"succeeded"');
  expect(stdout).toMatch(/^id: 3\nevent: chunk\ndata: \{/m);
  expect(stdout).toContain('"state":"cancelled"');
  expect(stdout).toMatch(/"object":"list","data":\[\{"id":"job_\w+","object":"job"\},\{/);
});

test('the example of a batch of jobs sees every one of them succeed', async () => {
  const { stdout } = await run(
    process.execPath,
    ['--conditions=@llm-engine/source', example('batch-of-jobs.ts')],
    settings(),
  );

  expect(stdout.match(/^learning rate \S+: succeeded/gm)).toHaveLength(3);
  expect(stdout.match(/, the best with a loss of \d/g)).toHaveLength(1);
  expect(stdout).toContain('2 of 2 prompts answered');
});
