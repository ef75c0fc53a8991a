import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  S3Client,
  S3ServiceException,
  paginateListObjectsV2,
} from '@aws-sdk/client-s3';
import type { MultipartUpload } from '@aws-sdk/client-s3';
import { throwIfAborted } from '../abort.ts';
import { Intake } from './intake.ts';
import { checkKey, checkPrefix, isKey } from './object-key.ts';
import type { ByteRange, ObjectStore, StoredObject, WriteOptions } from './object-store.ts';
import { relay } from './relay.ts';
import { upload } from './s3-upload.ts';
import { missing, unavailable } from './store-errors.ts';

export interface S3Place {
  readonly bucket: string;
  /** Where in the bucket the keys begin, such as `llm-engine`. Empty for all of it. */
  readonly prefix: string;
  /** URL of a compatible store; its buckets are addressed by path. Left out for AWS. */
  readonly endpoint?: string | undefined;
  /** Left out: what the SDK finds (AWS_REGION, the profile), or `us-east-1` where there is an endpoint. */
  readonly region?: string | undefined;
}

const KEYS_A_DELETE = 1_000;
const MAX_SOCKETS = 256;
const CONNECT_TIMEOUT_MS = 5_000;
/** Until a request is answered: a part has to get through in this time. */
const ANSWER_TIMEOUT_MS = 60_000;
/** A body that comes, or is read, no further. */
const SILENCE_TIMEOUT_MS = 300_000;

/**
 * Objects in a bucket of S3, or of a store that speaks like it:
 * - writes large objects in parts, and takes the parts back when a write fails;
 * - takes credentials from where the SDK finds them (AWS_ACCESS_KEY_ID, a profile, the machine's role);
 * - tells a bucket that is not there from an object that is not there.
 */
export class S3Store implements ObjectStore {
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;

  /** Connects when it is first used. */
  constructor({ bucket, prefix, endpoint, region }: S3Place) {
    this.#bucket = bucket;
    this.#prefix = prefix === '' ? '' : `${prefix}/`;
    this.#client = new S3Client({
      ...(region === undefined ? {} : { region }),
      ...(endpoint === undefined ? {} : compatible(endpoint, region)),
      // A body that is checked cannot be closed before its end.
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: {
        connectionTimeout: CONNECT_TIMEOUT_MS,
        requestTimeout: ANSWER_TIMEOUT_MS,
        throwOnRequestTimeout: true,
        socketTimeout: SILENCE_TIMEOUT_MS,
        httpAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
        httpsAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
      },
    });
  }

  async write(key: string, source: AsyncIterable<Uint8Array>, options: WriteOptions = {}): Promise<number> {
    checkKey(key);
    const { signal } = options;
    const intake = new Intake(source, options);
    try {
      await upload(this.#client, { ...this.#object(key), Body: Readable.from(intake) }, signal);
      return intake.bytes;
    } catch (error) {
      if (intake.failure !== undefined) throw intake.failure.error;
      if (signal !== undefined) throwIfAborted(signal);
      throw this.#unavailable(`the object '${key}' cannot be written`, error);
    }
  }

  async read(key: string, range?: ByteRange): Promise<Readable> {
    checkKey(key);
    if (range !== undefined && range.start >= range.end) return this.#nothingOf(key);
    const failed = (error: unknown): Error => this.#unavailable(`the object '${key}' cannot be read`, error);
    try {
      const bytes = range === undefined ? {} : { Range: `bytes=${range.start}-${range.end - 1}` };
      const { Body } = await this.#client.send(new GetObjectCommand({ ...this.#object(key), ...bytes }));
      return relay(Body as Readable, failed);
    } catch (error) {
      if (isNamed(error, 'NoSuchKey')) throw missing(this.#name, key);
      // The range begins past the end.
      if (isNamed(error, 'InvalidRange')) return Readable.from([]);
      throw failed(error);
    }
  }

  async size(key: string): Promise<number | undefined> {
    checkKey(key);
    const task = `the object '${key}' cannot be found`;
    try {
      const { ContentLength } = await this.#client.send(new HeadObjectCommand(this.#object(key)));
      return ContentLength;
    } catch (error) {
      if (!isNamed(error, 'NotFound')) throw this.#unavailable(task, error);
    }
    // The answer without a body does not say whether it is the object or the bucket that is not there.
    await this.#probe(task);
    return undefined;
  }

  async delete(keys: readonly string[]): Promise<void> {
    keys.forEach(checkKey);
    for (let start = 0; start < keys.length; start += KEYS_A_DELETE) {
      const some = keys.slice(start, start + KEYS_A_DELETE);
      await this.#deleteAtOnce(some).catch((error: unknown) => {
        throw this.#unavailable(`${some.length} objects cannot be deleted, among them '${some[0]}'`, error);
      });
    }
  }

  async *list(prefix: string): AsyncGenerator<StoredObject, void, undefined> {
    checkPrefix(prefix);
    const where = { Bucket: this.#bucket, Prefix: this.#prefix + prefix };
    try {
      for await (const { Contents = [] } of paginateListObjectsV2({ client: this.#client }, where)) {
        for (const { Key = '', Size = 0, LastModified = new Date(0) } of Contents) {
          const key = Key.slice(this.#prefix.length);
          if (isKey(key)) yield { key, bytes: Size, modifiedAt: LastModified };
        }
      }
    } catch (error) {
      throw this.#unavailable(`the objects under '${prefix}' cannot be listed`, error);
    }
  }

  async sweep(before: Date): Promise<number> {
    let swept = 0;
    try {
      for await (const { Key, UploadId, Initiated } of this.#uploads()) {
        if (Initiated === undefined || Initiated >= before) continue;
        await this.#client.send(new AbortMultipartUploadCommand({ Bucket: this.#bucket, Key, UploadId }));
        swept += 1;
      }
    } catch (error) {
      throw this.#unavailable('what killed writers left cannot be removed', error);
    }
    return swept;
  }

  async check(signal: AbortSignal): Promise<void> {
    throwIfAborted(signal);
    await this.#probe('nothing can be read', signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.destroy();
  }

  get #name(): string {
    return `s3://${this.#bucket}/${this.#prefix}`;
  }

  #object(key: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#bucket, Key: this.#prefix + key };
  }

  #unavailable(task: string, error: unknown): Error {
    return unavailable(this.#name, task, error);
  }

  /** There is no way to ask for no bytes. */
  async #nothingOf(key: string): Promise<Readable> {
    if ((await this.size(key)) === undefined) throw missing(this.#name, key);
    return Readable.from([]);
  }

  async #probe(task: string, signal?: AbortSignal): Promise<void> {
    const one = new ListObjectsV2Command({ Bucket: this.#bucket, Prefix: this.#prefix, MaxKeys: 1 });
    try {
      await this.#client.send(one, signal === undefined ? {} : { abortSignal: signal });
    } catch (error) {
      if (signal !== undefined) throwIfAborted(signal);
      throw this.#unavailable(task, error);
    }
  }

  async #deleteAtOnce(keys: readonly string[]): Promise<void> {
    const Objects = keys.map((key) => ({ Key: this.#prefix + key }));
    const { Errors: [first] = [] } = await this.#client.send(
      new DeleteObjectsCommand({ Bucket: this.#bucket, Delete: { Objects, Quiet: true } }),
    );
    if (first !== undefined) throw new Error(`'${first.Key}': ${first.Code}: ${first.Message}`);
  }

  /** Writes that have not ended. */
  async *#uploads(): AsyncGenerator<MultipartUpload, void, undefined> {
    let marker: { readonly KeyMarker?: string | undefined; readonly UploadIdMarker?: string | undefined } = {};
    for (;;) {
      const page = await this.#client.send(
        new ListMultipartUploadsCommand({ Bucket: this.#bucket, Prefix: this.#prefix, ...marker }),
      );
      yield* page.Uploads ?? [];
      if (page.IsTruncated !== true) return;
      marker = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
    }
  }
}

function compatible(endpoint: string, region = 'us-east-1') {
  // Many such stores do not know the checksums that AWS has added to S3.
  return { endpoint, region, forcePathStyle: true, requestChecksumCalculation: 'WHEN_REQUIRED' } as const;
}

function isNamed(error: unknown, name: string): boolean {
  return error instanceof S3ServiceException && error.name === name;
}
