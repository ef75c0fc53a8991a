import { jobSubmission } from '@llm-engine/contracts';
import { expect, test } from 'vitest';
import { fineTuneSubmission } from './jobs.ts';

test('a training run is submitted under the names of the queue, with nothing that was not asked for', () => {
  const submission = fineTuneSubmission({ baseModel: 'llama-2-7b', datasetPath: '/data/train.jsonl' });

  expect(submission).toEqual({ kind: 'fine-tune', model: 'llama-2-7b', dataset: '/data/train.jsonl' });
});

test('every setting of a training run gets through', () => {
  const submission = fineTuneSubmission({
    baseModel: 'llama-2-7b',
    datasetPath: '/data/train.jsonl',
    validationDatasetPath: '/data/valid.jsonl',
    outputPath: '/models/output',
    suffix: 'mine',
    seed: 7,
    method: 'dpo',
    hyperparameters: { n_epochs: 3 },
    priority: 'bulk',
    delayMs: 5,
    timeoutMs: 10,
    maxAttempts: 2,
    metadata: { team: 'search' },
    idempotencyKey: 'once',
  });

  expect(submission).toEqual({
    kind: 'fine-tune',
    model: 'llama-2-7b',
    dataset: '/data/train.jsonl',
    validationDataset: '/data/valid.jsonl',
    output: '/models/output',
    suffix: 'mine',
    seed: 7,
    method: 'dpo',
    hyperparameters: { n_epochs: 3 },
    priority: 'bulk',
    delayMs: 5,
    timeoutMs: 10,
    maxAttempts: 2,
    metadata: { team: 'search' },
    idempotencyKey: 'once',
  });
  expect(jobSubmission.safeParse(submission).success).toBe(true);
});
