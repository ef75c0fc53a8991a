/* The program of an S3-speaking server, which holds everything in memory and says its port once it listens. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

interface Content {
  readonly bytes: Buffer;
  readonly metadata: Readonly<Record<string, unknown>>;
}

interface PendingUpload {
  readonly bucket: string;
  readonly key: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly initiated: Date;
  readonly parts: Map<number, Buffer>;
}

interface Put {
  readonly bucket: string;
  readonly key: string;
  readonly content: Readable | Buffer;
  readonly metadata: Readonly<Record<string, unknown>>;
}

type Stored = new (bucket: string, key: string, content: unknown, metadata: object) => object;

interface Server {
  store: unknown;
  readonly context: { store: unknown };
  callback(): RequestListener;
}

const require = createRequire(import.meta.url);
const S3rver = require('s3rver') as new (options: object) => Server;
const S3Object = require('s3rver/lib/models/object') as Stored;
const S3Error = require('s3rver/lib/models/error') as new (code: string, message: string) => Error;

/** s3rver's own store writes objects in place, where readers see halves: here an object is there once it is whole. */
class MemoryStore {
  readonly #buckets = new Map<string, Map<string, Content>>();
  readonly uploads = new Map<string, PendingUpload>();

  async listBuckets() {
    return [...this.#buckets.keys()].map((name) => ({ name, creationDate: new Date(0) }));
  }

  async getBucket(name: string) {
    return this.#buckets.has(name) ? { name, creationDate: new Date(0) } : null;
  }

  async putBucket(name: string) {
    if (!this.#buckets.has(name)) this.#buckets.set(name, new Map());
    return this.getBucket(name);
  }

  async getSubresource() {
    return null;
  }

  async listObjects(
    bucket: string,
    { startAfter = '', prefix = '', maxKeys }: { startAfter?: string; prefix?: string; maxKeys: number },
  ) {
    const keys = [...this.#bucket(bucket).keys()]
      .filter((key) => key > startAfter && key.startsWith(prefix))
      .toSorted();
    const objects = keys.slice(0, maxKeys).map((key) => this.#object(bucket, key));
    return { objects, commonPrefixes: [], isTruncated: keys.length > maxKeys };
  }

  async existsObject(bucket: string, key: string) {
    return this.#bucket(bucket).has(key);
  }

  async getObject(bucket: string, key: string, range: { start?: number; end?: number } = {}) {
    const content = this.#bucket(bucket).get(key);
    if (content === undefined) return null;
    const { start = 0, end = Infinity } = range;
    const last = Math.min(end, content.bytes.length - 1);
    const ranged = 'start' in range;
    if (start > last)
      return Object.assign(this.#object(bucket, key, ranged ? null : Readable.from([])), ranged && { range });
    const body = Readable.from(slices(content.bytes.subarray(start, last + 1)), { objectMode: false });
    return Object.assign(this.#object(bucket, key, body), ranged && { range: { start, end: last } });
  }

  async putObject({ bucket, key, content, metadata }: Put) {
    const bytes = Buffer.isBuffer(content) ? content : await buffer(content);
    return this.#store(bucket, key, bytes, metadata);
  }

  async deleteObject(bucket: string, key: string) {
    this.#bucket(bucket).delete(key);
  }

  async initiateUpload(bucket: string, key: string, id: string, metadata: object) {
    this.uploads.set(id, { bucket, key, metadata: { ...metadata }, initiated: new Date(), parts: new Map() });
  }

  async putPart(_bucket: string, id: string, number: string, content: Readable) {
    const bytes = await buffer(content);
    this.#upload(id).parts.set(Number(number), bytes);
    return { size: bytes.length, md5: md5(bytes) };
  }

  async putObjectMultipart(_bucket: string, id: string, parts: readonly { number: number }[]) {
    const { bucket, key, metadata, parts: bodies } = this.#upload(id);
    const bytes = Buffer.concat(parts.map(({ number }) => bodies.get(number) ?? Buffer.alloc(0)));
    this.uploads.delete(id);
    return this.#store(bucket, key, bytes, metadata);
  }

  #store(bucket: string, key: string, bytes: Buffer, metadata: Readonly<Record<string, unknown>>) {
    const sum = md5(bytes);
    const intrinsic = {
      etag: JSON.stringify(sum),
      'last-modified': new Date().toUTCString(),
      'content-length': bytes.length,
    };
    this.#bucket(bucket).set(key, { bytes, metadata: { ...metadata, ...intrinsic } });
    return { size: bytes.length, md5: sum };
  }

  #object(bucket: string, key: string, content: Readable | null = null): object {
    return new S3Object(bucket, key, content, this.#bucket(bucket).get(key)?.metadata ?? {});
  }

  #bucket(name: string): Map<string, Content> {
    const bucket = this.#buckets.get(name);
    if (bucket === undefined) throw new S3Error('NoSuchBucket', 'The specified bucket does not exist');
    return bucket;
  }

  #upload(id: string): PendingUpload {
    const upload = this.uploads.get(id);
    if (upload === undefined) throw new S3Error('NoSuchUpload', 'The specified multipart upload does not exist.');
    return upload;
  }
}

function md5(bytes: Buffer): string {
  return createHash('md5').update(bytes).digest('hex');
}

function* slices(bytes: Buffer, size = 64 * 1024): Generator<Buffer> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

/** Taking back an upload, and listing those that have not ended: s3rver knows neither. */
function aboutUploads({ uploads }: MemoryStore, next: RequestListener): RequestListener {
  return (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://server');
    const id = searchParams.get('uploadId') ?? '';
    if (request.method === 'DELETE' && uploads.delete(id)) return response.writeHead(204).end();
    if (request.method !== 'GET' || !searchParams.has('uploads')) return next(request, response);
    const entries = [...uploads]
      .filter(([, { bucket }]) => pathname.startsWith(`/${bucket}`))
      .filter(([, { key }]) => key.startsWith(searchParams.get('prefix') ?? ''))
      .map(
        ([uploadId, { key, initiated }]) =>
          `<Upload><Key>${key}</Key><UploadId>${uploadId}</UploadId><Initiated>${initiated.toISOString()}</Initiated></Upload>`,
      );
    response
      .writeHead(200, { 'content-type': 'application/xml' })
      .end(
        `<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>${entries.join('')}</ListMultipartUploadsResult>`,
      );
  };
}

const [bucket = 'bucket', port = '0'] = process.argv.slice(2);
const store = new MemoryStore();
await store.putBucket(bucket);
const s3rver = new S3rver({ silent: true, vhostBuckets: false });
s3rver.store = store;
s3rver.context.store = store;
const server = createServer(aboutUploads(store, s3rver.callback()));
server.listen(Number(port), '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`${typeof address === 'object' ? address?.port : ''}\n`);
});
