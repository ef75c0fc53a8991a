import { z } from 'zod';
import { EngineError } from './errors.ts';

const SECRET_PREFIX = 'whsec_';
const MIN_SECRET_BYTES = 24;

/** Whom to tell of what happened to batches and groups. Neither: nobody. */
export const webhookSettings = {
  /** Gets a POST for each event. */
  WEBHOOK_URL: z
    .url({ protocol: /^https?$/, error: 'must look like https://host/path' })
    .refine(isTrusted, {
      error: 'must be https, or http to a host of your own network: over the internet anybody on the way could read it',
    })
    .refine(hasNoLogin, { error: 'must hold no user name and no password: events are signed with WEBHOOK_SECRET' })
    .optional(),
  /** Signs the events, so that the receiver knows who sent them. */
  WEBHOOK_SECRET: z
    .string()
    .refine(isSecret, {
      error: `must be ${SECRET_PREFIX} and at least ${MIN_SECRET_BYTES} random bytes in base64: echo "${SECRET_PREFIX}$(openssl rand -base64 32)"`,
    })
    .optional(),
};

export interface WebhookSettings {
  readonly url: string;
  /** `whsec_` and the key in base64. */
  readonly secret: string;
}

/** Undefined where nobody is told. Throws `invalid_config` where one of the two settings is missing. */
export function webhookOf({
  WEBHOOK_URL: url,
  WEBHOOK_SECRET: secret,
}: {
  readonly WEBHOOK_URL?: string | undefined;
  readonly WEBHOOK_SECRET?: string | undefined;
}): WebhookSettings | undefined {
  if (url !== undefined && secret !== undefined) return { url, secret };
  if (url === undefined && secret === undefined) return undefined;
  const [given, missing] = url === undefined ? ['WEBHOOK_SECRET', 'WEBHOOK_URL'] : ['WEBHOOK_URL', 'WEBHOOK_SECRET'];
  throw new EngineError('invalid_config', `The setting ${given} needs ${missing} beside it. Set both, or neither.`);
}

/** The bytes that sign. */
export function webhookKey(secret: string): Buffer {
  return Buffer.from(secret.slice(SECRET_PREFIX.length), 'base64');
}

function isSecret(text: string): boolean {
  const encoded = text.slice(SECRET_PREFIX.length);
  return (
    text.startsWith(SECRET_PREFIX) &&
    /^[A-Za-z0-9+/]+={0,2}$/.test(encoded) &&
    webhookKey(text).length >= MIN_SECRET_BYTES
  );
}

const PRIVATE_ADDRESS = /^(127|10|192\.168|169\.254|172\.(1[6-9]|2\d|3[01]))\.|^\[(::1|f[cd][0-9a-f]{2}:.*)\]$/;
/** Names without a dot are hosts of the same network, as in Compose; the others are reserved for private use. */
const PRIVATE_NAME = /^[^.]+$|\.(localhost|local|internal|svc|svc\.cluster\.local)$/;

function isTrusted(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  const isAddress = hostname.startsWith('[') || /^[\d.]+$/.test(hostname);
  return protocol === 'https:' || (isAddress ? PRIVATE_ADDRESS : PRIVATE_NAME).test(hostname);
}

function hasNoLogin(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { username, password } = new URL(text);
  return username === '' && password === '';
}
