import { fastifyMultipart } from '@fastify/multipart';
import { EngineError } from '@llm-engine/contracts';
import type { FastifyInstance } from 'fastify';
import { answerBytes } from '../answer-bytes.ts';
import type { BytesOptions } from '../answer-bytes.ts';
import type { RequireStorage } from '../open-storage.ts';
import { parseRequest } from '../parse-request.ts';
import { attachment } from './filename.ts';
import { MULTIPART_LIMITS } from './parts.ts';
import { listFilesQuery } from './requests.ts';
import { receiveUpload } from './upload.ts';
import { toOpenAIFile } from './wire.ts';

export interface FileRoutesOptions extends BytesOptions {
  readonly storage: RequireStorage;
  readonly maxFileBytes: number;
}

interface ById {
  Params: { id: string };
}

/** OpenAI's files. */
export async function addFileRoutes(server: FastifyInstance, options: FileRoutesOptions): Promise<void> {
  const { storage } = options;
  await server.register((uploads) => addUploadRoute(uploads, options));

  server.get('/v1/files', async ({ query, identity }) => {
    const { rows, hasMore } = await storage().files.list(identity.owner, parseRequest(listFilesQuery, query));
    const data = rows.map(toOpenAIFile);
    return { object: 'list', data, has_more: hasMore, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
  });

  server.get<ById>('/v1/files/:id', async ({ params, identity }) => {
    return toOpenAIFile(await storage().files.get(identity.owner, params.id));
  });

  server.delete<ById>('/v1/files/:id', async ({ params, identity }) => {
    await storage().files.delete(identity.owner, params.id);
    return { id: params.id, object: 'file', deleted: true };
  });

  // A HEAD would read the file, and throw it away.
  server.get<ById>('/v1/files/:id/content', { exposeHeadRoute: false }, async ({ params, identity }, reply) => {
    const { files } = storage();
    const { bytes, filename } = await files.get(identity.owner, params.id);
    const content = await files.content(identity.owner, params.id);
    void reply.headers({
      'content-type': 'application/octet-stream',
      'content-length': bytes,
      'content-disposition': attachment(filename),
      'x-content-type-options': 'nosniff',
    });
    return answerBytes(reply, content, options);
  });
}

/** `POST /v1/files`. In a context of its own, where bodies are multipart and as long as a file may be. */
async function addUploadRoute(server: FastifyInstance, options: FileRoutesOptions): Promise<void> {
  const { storage, inFlight, maxFileBytes, stallMs } = options;
  server.removeAllContentTypeParsers();
  // What is not multipart is refused by the handler, which knows what to say.
  server.addContentTypeParser('*', (_request, _payload, done) => done(null));
  await server.register(fastifyMultipart, { limits: MULTIPART_LIMITS });

  server.post('/v1/files', async (request, reply) => {
    using wait = inFlight.enter(reply.raw);
    reply.raw.setTimeout(stallMs);
    // From then on it is the client that waits.
    request.raw.once('end', () => reply.raw.setTimeout(0));
    try {
      const { files } = storage();
      if (!request.isMultipart()) throw notMultipart();
      return toOpenAIFile(await receiveUpload(request, { files, maxBytes: maxFileBytes, signal: wait.signal }));
    } catch (error) {
      if (wait.gone) return reply.hijack();
      // Most clients read no answer before they have sent everything: the rest is let in, for a time, and thrown away.
      const { raw } = request;
      raw.unpipe();
      raw.resume();
      const cutting = setTimeout(() => raw.destroy(), stallMs).unref();
      raw.once('close', () => clearTimeout(cutting));
      throw error;
    }
  });
}

function notMultipart(): EngineError {
  return new EngineError(
    'unsupported_media_type',
    "Send the file as multipart/form-data, with the parts 'file' and 'purpose'.",
  );
}
