/**
 * Many jobs as one: a fine-tune for each of several learning rates, of which the best is wanted; then a few prompts that may wait
 * for everything more urgent. With a mock executor, on a real queue and a real database.
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
  await using controller = await EngineController.connect({
    redisUrl: engine.redisUrl,
    ...(engine.storage && { storage: engine.storage }),
  });

  // All are checked before any is accepted. The key makes a second try after a lost connection harmless.
  const sweep = await controller.submitBatch(
    LEARNING_RATES.map((rate, index) => ({
      kind: 'fine-tune' as const,
      baseModel: 'llama-2-7b',
      datasetPath: '/data/train.jsonl',
      suffix: `sweep-${index}`,
      hyperparameters: { learning_rate: rate, mock_steps: 5, mock_step_ms: 10 },
      metadata: { learning_rate: String(rate) },
    })),
    { metric: { name: 'metrics.train_loss', goal: 'min' }, idempotencyKey: 'sweep' },
  );
  const { best } = await sweep.wait({
    onProgress: ({ counts }) => console.log(`${counts.succeeded} of ${counts.total} trained`),
  });
  for await (const { id, state, metadata } of sweep.results()) {
    const mark = id === best?.jobId ? `, the best with a loss of ${best.value}` : '';
    console.log(`learning rate ${metadata['learning_rate']}: ${state}${mark}`);
  }

  const prompts = await controller.submitBatch(
    ['What is a queue?', 'What is a worker?'].map((content) => ({
      kind: 'inference' as const,
      endpoint: '/v1/chat/completions' as const,
      body: { model: 'llama-2-7b', messages: [{ role: 'user', content }] },
    })),
    { priority: 'bulk' },
  );
  const { counts, usage } = await prompts.wait();
  console.log(`${counts.succeeded} of ${counts.total} prompts answered with ${usage.totalTokens} tokens`);
}
await rm(home, { recursive: true });
