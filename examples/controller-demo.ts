/**
 * Submits a fine-tune, looks at it, and asks how the system is: with a mock executor, on a real queue.
 *
 *     node --conditions=@llm-engine/source examples/controller-demo.ts
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startEngine } from '@llm-engine/cli';
import { EngineController } from '@llm-engine/controller';

const home = await mkdtemp(join(tmpdir(), 'llm-engine-demo-'));
{
  await using engine = await startEngine({
    home,
    configFile: fileURLToPath(new URL('controller-demo.yaml', import.meta.url)),
    ports: { producer: 0, monitor: 0, worker: 0 },
  });
  await using controller = await EngineController.connect({ redisUrl: engine.redisUrl });

  // Submit a job
  const job = await controller.submitFineTuneJob({
    baseModel: 'llama-2-7b',
    datasetPath: '/data/train.jsonl',
    outputPath: '/models/output',
  });

  // Check status
  const status = await controller.getJobStatus(job.id);
  console.log(`Job ${job.id}: ${status.state}`);

  // Health check
  const health = await controller.getSystemHealth();
  console.log(`System health: ${health.healthy}`);

  // Wait for its end
  const ended = await controller.waitForJob(job.id);
  console.log(`Job ${job.id}: ${ended.state}`, ended.result);
}
await rm(home, { recursive: true });
