import type { BatchRow } from '@llm-engine/storage';
import { expect, test } from 'vitest';
import { toOpenAIBatch } from './wire.ts';

const ROW: BatchRow = {
  id: 'batch_1',
  owner: 'default',
  endpoint: '/v1/chat/completions',
  inputFileId: 'file-1',
  completionWindow: '24h',
  priority: 'bulk',
  metadata: null,
  outputExpiresAfter: null,
  status: 'validating',
  ending: null,
  errors: null,
  model: null,
  pool: null,
  total: 0,
  outputFileId: null,
  errorFileId: null,
  retryOf: null,
  idempotencyKey: 'secret',
  requestDigest: 'digest',
  createdAt: new Date(1_700_000_000_900),
  expiresAt: new Date(1_700_086_400_900),
  pausedAt: null,
  inProgressAt: null,
  finalizingAt: null,
  completedAt: null,
  failedAt: null,
  expiredAt: null,
  cancellingAt: null,
  cancelledAt: null,
};

test('a batch that has not run yet has counts of zero, and times in whole seconds', () => {
  expect(toOpenAIBatch(ROW)).toMatchObject({
    object: 'batch',
    status: 'validating',
    errors: null,
    created_at: 1_700_000_000,
    expires_at: 1_700_086_400,
    in_progress_at: null,
    request_counts: { total: 0, completed: 0, failed: 0 },
    usage: { input_tokens: 0, output_tokens: 0, total_tokens: 0 },
  });
});

test('errors are a list, as OpenAI answers them', () => {
  const errors = [{ code: 'invalid_json_line', message: 'no', param: null, line: 3 }];

  expect(toOpenAIBatch({ ...ROW, status: 'failed', errors }).errors).toEqual({ object: 'list', data: errors });
});

test('nothing of how a batch is kept is told', () => {
  const text = JSON.stringify(toOpenAIBatch({ ...ROW, pool: 'large' }));

  for (const inner of ['secret', 'digest', 'large', 'owner']) expect(text).not.toContain(inner);
});
