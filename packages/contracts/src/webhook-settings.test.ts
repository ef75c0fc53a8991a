import { z } from 'zod';
import { describe, expect, test } from 'vitest';
import { readSettings } from './settings.ts';
import { webhookKey, webhookOf, webhookSettings } from './webhook-settings.ts';

const SECRET = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;

function settingsOf(env: Record<string, string>) {
  return webhookOf(readSettings(z.object(webhookSettings), env));
}

describe('settings of the webhook', () => {
  test('are none where nothing is set', () => {
    expect(settingsOf({})).toBeUndefined();
  });

  test.each([
    'https://example.com/hook',
    'http://127.0.0.1:3000/hook',
    'http://localhost/hook',
    'http://[::1]:3000/hook',
    'http://app:3000/hook',
    'http://10.1.2.3/hook',
    'http://172.31.0.1/hook',
    'http://hooks.team.svc.cluster.local/hook',
  ])('take %s', (url) => {
    expect(settingsOf({ WEBHOOK_URL: url, WEBHOOK_SECRET: SECRET })).toEqual({ url, secret: SECRET });
  });

  test.each([
    ['no URL', 'example.com', 'must look like'],
    ['another protocol', 'ftp://example.com', 'must look like'],
    ['http over the internet', 'http://example.com/hook', 'must be https'],
    ['http to a public address', 'http://172.32.0.1/hook', 'must be https'],
    ['http to a public IPv6 address', 'http://[2001:db8::1]/hook', 'must be https'],
    ['a login', 'https://user:secret@example.com/hook', 'no user name'],
  ])('refuse %s and name the setting', (_what, url, why) => {
    const read = () => settingsOf({ WEBHOOK_URL: url, WEBHOOK_SECRET: SECRET });

    expect(read).toThrow(expect.objectContaining({ code: 'invalid_config' }));
    expect(read).toThrow(/WEBHOOK_URL/);
    expect(read).toThrow(why);
  });

  test.each([
    ['without its prefix', Buffer.alloc(32).toString('base64')],
    ['that is too short', `whsec_${Buffer.alloc(23).toString('base64')}`],
    ['that is not base64', `whsec_${'-'.repeat(40)}`],
  ])('refuse a secret %s without showing it', (_what, secret) => {
    const read = () => settingsOf({ WEBHOOK_URL: 'https://example.com', WEBHOOK_SECRET: secret });

    expect(read).toThrow(/WEBHOOK_SECRET.*openssl/);
    expect(read).not.toThrow(secret);
  });

  test.each([
    ['WEBHOOK_SECRET', { WEBHOOK_URL: 'https://example.com' }],
    ['WEBHOOK_URL', { WEBHOOK_SECRET: SECRET }],
  ])('say that %s is missing', (missing, env) => {
    expect(() => settingsOf(env)).toThrow(expect.objectContaining({ code: 'invalid_config' }));
    expect(() => settingsOf(env)).toThrow(`needs ${missing}`);
  });

  test('hold the key in base64', () => {
    expect(webhookKey(SECRET)).toEqual(Buffer.alloc(24, 1));
  });
});
