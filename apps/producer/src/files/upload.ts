import { EngineError } from '@llm-engine/contracts';
import type { FileRow, FileStore, StagedFile } from '@llm-engine/storage';
import type { FastifyRequest } from 'fastify';
import { parseRequest } from '../parse-request.ts';
import { keptFilename } from './filename.ts';
import { partsOf } from './parts.ts';
import type { Part } from './parts.ts';
import { uploadFields } from './requests.ts';

interface UploadOptions {
  readonly files: FileStore;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

type Received = Omit<Parameters<StagedFile['commit']>[0], 'owner'> & { readonly staged: StagedFile };

const PURPOSE = 'purpose';
const ANCHOR = 'expires_after[anchor]';
const SECONDS = 'expires_after[seconds]';

/**
 * Makes a file of a multipart request. Its bytes go into the storage while they come; what they are for may come after them.
 * Throws `invalid_request`, `file_too_large` or the signal's reason, and then nothing is left of them.
 */
export async function receiveUpload(request: FastifyRequest, options: UploadOptions): Promise<FileRow> {
  const { staged, ...file } = await receive(request, options);
  // Should the database not answer, the file may be there all the same: then its bytes must stay.
  return staged.commit({ owner: request.identity.owner, ...file });
}

async function receive(request: FastifyRequest, { files, maxBytes, signal }: UploadOptions): Promise<Received> {
  const texts = new Map<string, string>();
  let filename = '';
  let staged: StagedFile | undefined;
  try {
    for await (const part of partsOf(request, signal)) {
      refuseStray(part, part.kind === 'bytes' ? staged !== undefined : texts.has(part.name));
      if (part.kind === 'text') {
        texts.set(part.name, part.text);
      } else {
        filename = keptFilename(part.filename);
        staged = await files.stage(part.bytes, { maxBytes, signal });
      }
    }
    if (staged === undefined) throw invalid('file', "There is no file: send its bytes as the part 'file'.");
    const { purpose, expires_after: life } = parseRequest(uploadFields, fieldsOf(texts));
    return { staged, filename, purpose, ...(life !== undefined && { expiresAfterSeconds: life.seconds }) };
  } catch (error) {
    // The error says more than one of the removal would; what is left is removed with time.
    await staged?.discard().catch(() => undefined);
    throw error;
  }
}

function refuseStray({ kind, name }: Part, repeated: boolean): void {
  const known = name === 'file' ? 'bytes' : [PURPOSE, ANCHOR, SECONDS].includes(name) ? 'text' : undefined;
  if (known === undefined) {
    throw invalid(
      name,
      `There is no field '${name.slice(0, 64)}'. A file has 'file', '${PURPOSE}', '${ANCHOR}' and '${SECONDS}'.`,
    );
  }
  if (kind !== known) {
    throw invalid(
      name,
      known === 'bytes' ? "'file' has to be sent as a file, with a file name." : `'${name}' has to be text.`,
    );
  }
  if (repeated) throw invalid(name, `There is more than one '${name}'. Send one file a request.`);
}

/** The texts under the names that they have in JSON. */
function fieldsOf(texts: ReadonlyMap<string, string>): Record<string, unknown> {
  const [purpose, anchor, seconds] = [PURPOSE, ANCHOR, SECONDS].map((name) => texts.get(name));
  return {
    ...(purpose !== undefined && { purpose }),
    ...((anchor ?? seconds) !== undefined && { expires_after: { anchor, seconds: numberOf(seconds) } }),
  };
}

/** What is no number stays what it is, and is refused as that. */
function numberOf(text: string | undefined): unknown {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : text;
}

function invalid(param: string, message: string): EngineError {
  return new EngineError('invalid_request', message, { param });
}
