/** Keys whose values hold what a person wrote or a model answered, by their names without case, `-` and `_`. */
const CONTENT_KEYS =
  'messages prompt prompts input inputs content body text choices delta embedding arguments result'.split(' ');

const SECRET_KEYS = (
  'authorization proxyauthorization cookie setcookie apikey apikeys xapikey password secret clientsecret ' +
  'accesstoken refreshtoken privatekey idempotencykey'
).split(' ');

const SENSITIVE_KEYS = new Set([...CONTENT_KEYS, ...SECRET_KEYS]);
const REDACTED = '[redacted]';
const MAX_DEPTH = 8;
const MAX_TEXT = 8_000;
/** A password in a URL may hold any character but those that end it. */
const URL_CREDENTIALS = /\b([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/?#"'<>]*@/gi;
const CREDENTIALS_IN_WORDS = /\b(bearer|basic)\s+[\w.~+/=-]{6,}/gi;
const WELL_KNOWN_KEYS = /\b(sk|pk|hf|ghp|xox[abp])[-_][\w-]{8,}/g;

/**
 * What may have to be taken out of a line of JSON, in which a text's line ends and quotes are escaped: these match more than
 * the patterns above and all of the keys, with any `-` and `_` in them.
 */
const SUSPICIOUS = [
  new RegExp(`"[-_]*(?:${[...SENSITIVE_KEYS].map((key) => key.split('').join('[-_]*')).join('|')})[-_]*":`, 'iu'),
  /:\/\/[^\s/?#"'<>]*@/,
  /bearer|basic/i,
  /(?:sk|pk|hf|ghp|xox[abp])[-_][\w-]{8}/,
];

/** False for most lines, which need not be read and written anew. */
export function mayNeedRedaction(line: string): boolean {
  return line.length > MAX_TEXT || SUSPICIOUS.some((pattern) => pattern.test(line));
}

/**
 * A copy without prompts, answers and keys, for the log. The last line of defence: nothing should be logged that needs it.
 * Takes what JSON can hold.
 */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) return '[too deep]';
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, isSensitive(key) ? REDACTED : redact(item, depth + 1)]),
  );
}

/** A text without the credentials that URLs and headers carry, cut to a length that a log line can bear. */
function redactText(text: string): string {
  const safe = text
    .replace(URL_CREDENTIALS, `$1${REDACTED}@`)
    .replace(CREDENTIALS_IN_WORDS, `$1 ${REDACTED}`)
    .replace(WELL_KNOWN_KEYS, REDACTED);
  if (safe.length <= MAX_TEXT) return safe;
  return `${safe.slice(0, MAX_TEXT)} (${safe.length - MAX_TEXT} characters more)`;
}

function isSensitive(key: string): boolean {
  return SENSITIVE_KEYS.has(key.toLowerCase().replaceAll(/[-_]/g, ''));
}
