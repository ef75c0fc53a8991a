import { fileURLToPath } from 'node:url';
import { EngineError } from '@llm-engine/contracts';
import { FolderStore } from './folder-store.ts';
import { isKey } from './object-key.ts';
import type { ObjectStore } from './object-store.ts';
import type { S3Place } from './s3-store.ts';

/**
 * The object store that STORAGE_URL names: a path or a `file:` URL for a folder, or
 * `s3://bucket/prefix?endpoint=http://host:9000&region=us-east-1`, where everything after the bucket may be left out.
 * Throws `invalid_config`, which names the setting; rejects with `storage_unavailable` when the folder cannot be made.
 */
export async function openObjects(storageUrl: string): Promise<ObjectStore> {
  if (storageUrl.trim() === '') throw invalid('is empty');
  if (!/^[a-z][a-z0-9+.-]+:/i.test(storageUrl)) return FolderStore.open(storageUrl);
  const url = URL.parse(storageUrl);
  if (url === null) throw invalid('is not a URL');
  if (url.protocol === 'file:') return FolderStore.open(folderOf(url));
  if (url.protocol === 's3:') {
    const place = placeOf(url);
    // Loaded only now: it takes half a second, which those who use a folder need not wait.
    const { S3Store } = await import('./s3-store.ts');
    return new S3Store(place);
  }
  throw invalid(`begins with '${url.protocol}'`);
}

function folderOf(url: URL): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw invalid('is a file: URL of another host', cause);
  }
}

function placeOf(url: URL): S3Place {
  if (url.username !== '' || url.password !== '') {
    throw invalid('has credentials in it, which belong into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY');
  }
  if (url.hostname === '') throw invalid('names no bucket');
  const { endpoint, region, ...unknown } = Object.fromEntries(url.searchParams);
  const [extra] = Object.keys(unknown);
  if (extra !== undefined) throw invalid(`has the parameter '${extra}', but only 'endpoint' and 'region' are known`);
  if (endpoint !== undefined && !/^https?:$/.test(URL.parse(endpoint)?.protocol ?? '')) {
    throw invalid(`has the endpoint '${endpoint}', which is not an http: or https: URL`);
  }
  const prefix = url.pathname.replace(/^\/+|\/+$/g, '');
  if (prefix !== '' && !isKey(prefix)) {
    throw invalid(
      `has the prefix '${prefix}', but a prefix is names of letters, digits, '.', '_' and '-', joined by '/'`,
    );
  }
  return { bucket: url.hostname, prefix, endpoint, region };
}

function invalid(problem: string, cause?: unknown): EngineError {
  return new EngineError(
    'invalid_config',
    `The setting STORAGE_URL ${problem}. Set it to a path, a file: URL or s3://bucket/prefix, and start again.`,
    { param: 'STORAGE_URL', cause },
  );
}
