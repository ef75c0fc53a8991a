/** Keys whose values hold what a person wrote or a model answered, compared without case, `-` and `_`. */
const CONTENT_KEYS = new Set(
  [
    'messages',
    'prompt',
    'prompts',
    'input',
    'inputs',
    'content',
    'body',
    'text',
    'choices',
    'delta',
    'embedding',
  ].concat(['arguments', 'result']),
);

const SECRET_KEYS = new Set(
  ['authorization', 'proxyauthorization', 'cookie', 'setcookie', 'apikey', 'apikeys', 'xapikey', 'password'].concat([
    'secret',
    'clientsecret',
    'accesstoken',
    'refreshtoken',
    'privatekey',
    'idempotencykey',
  ]),
);

export const REDACTED = '[redacted]';
const MAX_DEPTH = 8;
const MAX_TEXT = 8_000;
/** A password in a URL may hold any character but those that end it. */
const URL_CREDENTIALS = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#"'<>]*@/gi;
const CREDENTIALS_IN_WORDS = /\b(bearer|basic)\s+[\w.~+/=-]{6,}/gi;
const WELL_KNOWN_KEYS = /\b(sk|pk|hf|ghp|xox[abp])[-_][\w-]{8,}/g;

/**
 * A copy without prompts, answers and keys, for the log. The last line of defence: nothing should be logged that needs it.
 * Takes what JSON can hold.
 */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) return '[too deep]';
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
  const copy: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) copy[key] = isSensitive(key) ? REDACTED : redact(item, depth + 1);
  return copy;
}

/** A text without the credentials that URLs and headers carry, cut to a length that a log line can bear. */
export function redactText(text: string): string {
  const safe = text
    .replace(URL_CREDENTIALS, `$1${REDACTED}@`)
    .replace(CREDENTIALS_IN_WORDS, `$1 ${REDACTED}`)
    .replace(WELL_KNOWN_KEYS, REDACTED);
  if (safe.length <= MAX_TEXT) return safe;
  return `${safe.slice(0, MAX_TEXT)} (${safe.length - MAX_TEXT} characters more)`;
}

function isSensitive(key: string): boolean {
  const plain = key.toLowerCase().replaceAll(/[-_]/g, '');
  return CONTENT_KEYS.has(plain) || SECRET_KEYS.has(plain);
}
