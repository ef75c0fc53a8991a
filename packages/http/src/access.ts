import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { BlockList, isIP } from 'node:net';
import { EngineError } from '@llm-engine/contracts';

/** Who a request comes from. */
export interface Identity {
  /** Whose jobs the request may see and make. */
  readonly owner: string;
}

const ANYONE: Identity = { owner: 'default' };

const KEYS = 'LLM_ENGINE_API_KEYS';
const KEYS_FILE = 'LLM_ENGINE_API_KEYS_FILE';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/**
 * Who may come in.
 * 1. Reads the keys from the environment, or from a file that it names.
 * 2. Keeps their digests only, and compares in constant time.
 * 3. Without keys lets everybody in, and refuses to listen where others than this machine could come.
 */
export class Access {
  readonly #digests: readonly Buffer[];

  /** `keys` as they are handed out; none means that no key is asked for. */
  constructor(keys: readonly string[]) {
    this.#digests = keys.map(digest);
  }

  /** Throws `invalid_config` for a key that no client could send, and for a file that cannot be read or holds no key. */
  static async fromEnv(env: Readonly<Record<string, string | undefined>>): Promise<Access> {
    const listed = splitKeys(env[KEYS] ?? '', ',', KEYS);
    const path = env[KEYS_FILE];
    return new Access(path === undefined || path === '' ? listed : [...listed, ...(await readKeys(path))]);
  }

  /** Whether a request needs a key. */
  get required(): boolean {
    return this.#digests.length > 0;
  }

  /**
   * Who sent a request, by its `Authorization` header: `Bearer <key>`, or `Basic` with the key as password (which is how a
   * browser sends it). Throws `missing_api_key` or `invalid_api_key`.
   */
  identify(authorization: string | undefined): Identity {
    if (!this.required) return ANYONE;
    const key = authorization === undefined ? '' : keyIn(authorization);
    if (key === '') {
      throw new EngineError('missing_api_key', 'No API key was sent. Send the header `Authorization: Bearer <key>`.');
    }
    if (!this.#knows(key)) {
      throw new EngineError(
        'invalid_api_key',
        `The API key is not known. Use one of those in ${KEYS} or ${KEYS_FILE}.`,
      );
    }
    return ANYONE;
  }

  /** Throws `invalid_config` when there are no keys and `host`, which the setting `variable` names, can be reached from outside. */
  requireMayListen(host: string, variable: string): void {
    if (this.required || isLoopback(host)) return;
    throw new EngineError(
      'invalid_config',
      `${variable} is '${host}', which other machines can reach, and there are no API keys. ` +
        `Set ${KEYS} (or ${KEYS_FILE}), or leave ${variable} at 127.0.0.1.`,
    );
  }

  /** Looks at every key, so that the time taken does not tell which one was close. */
  #knows(key: string): boolean {
    const sent = digest(key);
    let known = false;
    for (const digest of this.#digests) known = timingSafeEqual(digest, sent) || known;
    return known;
  }
}

function isLoopback(host: string): boolean {
  if (host === 'localhost') return true;
  const version = isIP(host);
  return version !== 0 && LOOPBACK.check(host, version === 6 ? 'ipv6' : 'ipv4');
}

function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

function keyIn(authorization: string): string {
  const [, scheme = '', credentials = ''] = /^(\S+) +(\S+) *$/.exec(authorization) ?? [];
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return credentials;
    case 'basic': {
      const userAndPassword = Buffer.from(credentials, 'base64').toString('utf8');
      return userAndPassword.slice(userAndPassword.indexOf(':') + 1);
    }
  }
  return '';
}

async function readKeys(path: string): Promise<string[]> {
  const keys = splitKeys(await readText(path), '\n', KEYS_FILE);
  if (keys.length > 0) return keys;
  throw new EngineError('invalid_config', `The file '${path}' (${KEYS_FILE}) holds no key: write one on each line.`);
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new EngineError('invalid_config', `The file '${path}' (${KEYS_FILE}) cannot be read.`, { cause });
  }
}

function splitKeys(text: string, separator: string, source: string): string[] {
  const keys = text
    .split(separator)
    .map((key) => key.trim())
    .filter((key) => key !== '' && !key.startsWith('#'));
  if (keys.every((key) => /^[\x21-\x7e]+$/.test(key))) return keys;
  throw new EngineError('invalid_config', `A key in ${source} has a space or a character that is not ASCII.`);
}
