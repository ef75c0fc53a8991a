import OpenAI from 'openai';
import { describe, expect, test } from 'vitest';
import { webhookMessage } from './message.ts';

const KEY = Buffer.alloc(32, 7);
const SECRET = `whsec_${KEY.toString('base64')}`;
const NOW = new Date();
const EVENT = { id: 'evt_1', type: 'batch.completed', createdAt: new Date(1_700_000_000_999), subject: 'batch_1' };
const { webhooks } = new OpenAI({ apiKey: 'none' });

describe('a webhook message', () => {
  test("is what OpenAI's client unwraps", async () => {
    const { body, headers } = webhookMessage(EVENT, KEY, NOW);

    const event = await webhooks.unwrap(body, headers, SECRET);

    expect(event).toEqual({
      id: 'evt_1',
      object: 'event',
      type: 'batch.completed',
      created_at: 1_700_000_000,
      data: { id: 'batch_1' },
    });
  });

  test.each([
    ['whose body was changed', (body: string) => body.replace('batch_1', 'batch_2'), SECRET],
    ['that was signed with another secret', (body: string) => body, `whsec_${Buffer.alloc(32).toString('base64')}`],
  ])('%s is refused', async (_what, change, secret) => {
    const { body, headers } = webhookMessage(EVENT, KEY, NOW);

    await expect(webhooks.unwrap(change(body), headers, secret)).rejects.toThrow(/signature/);
  });

  test('that is sent again ten minutes later is refused', async () => {
    const { body, headers } = webhookMessage(EVENT, KEY, new Date(NOW.getTime() - 600_000));

    await expect(webhooks.unwrap(body, headers, SECRET)).rejects.toThrow(/too old/);
  });
});
