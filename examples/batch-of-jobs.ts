/**
 * Many jobs at once: a fine-tune for each of several learning rates, then a few prompts that may wait for everything more urgent.
 * With a mock executor, on a real queue.
 *
 *     npx node --conditions=@llm-engine/source examples/batch-of-jobs.ts
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEngine } from '@llm-engine/cli';
import { EngineController } from '@llm-engine/controller';

const LEARNING_RATES = [1e-5, 3e-5, 1e-4];

const home = await mkdtemp(join(tmpdir(), 'llm-engine-demo-'));
{
  await using engine = await startEngine({
    home,
    configFile: fileURLToPath(new URL('controller-demo.yaml', import.meta.url)),
    ports: { producer: 0, monitor: 0, worker: 0 },
  });
  await using controller = await EngineController.connect({ redisUrl: engine.redisUrl });

  // All are checked before the first is accepted. The keys make a second try after a lost connection harmless.
  const sweep = await controller.submitBatch(
    LEARNING_RATES.map((rate, index) => ({
      kind: 'fine-tune' as const,
      baseModel: 'llama-2-7b',
      datasetPath: '/data/train.jsonl',
      suffix: `sweep-${index}`,
      hyperparameters: { learning_rate: rate, mock_steps: 5, mock_step_ms: 10 },
      metadata: { learning_rate: String(rate) },
      idempotencyKey: `sweep-${index}`,
    })),
  );
  for (const { id } of sweep) {
    const { state, metadata, result } = await controller.waitForJob(id);
    console.log(`learning rate ${metadata['learning_rate']}: ${state}`, result);
  }

  const prompts = await controller.submitBatch(
    ['What is a queue?', 'What is a worker?'].map((content) => ({
      kind: 'inference' as const,
      endpoint: '/v1/chat/completions' as const,
      body: { model: 'llama-2-7b', messages: [{ role: 'user', content }] },
      priority: 'bulk' as const,
    })),
  );
  const answers = await Promise.all(prompts.map(({ id }) => controller.waitForJob(id)));
  console.log(`${answers.filter(({ state }) => state === 'succeeded').length} of ${answers.length} prompts answered`);
}
await rm(home, { recursive: true });
