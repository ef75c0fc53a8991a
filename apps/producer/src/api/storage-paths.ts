import { listBatchesQuery } from '../batches/requests.ts';
import { listFilesQuery } from '../files/requests.ts';
import type { JsonSchema } from './json-schema.ts';
import { IDEMPOTENCY_KEY, json, query, stored } from './operation.ts';
import { ref } from './schemas.ts';

const FILE_ID = { name: 'id', in: 'path', required: true, schema: { type: 'string' }, description: 'Id of the file.' };
const BATCH_ID = { ...FILE_ID, description: 'Id of the batch.' };
const BYTES = { type: 'string', format: 'binary' };

/** Files and batches. */
export function storagePaths(): Readonly<Record<string, JsonSchema>> {
  return {
    '/v1/files': {
      post: stored({
        tag: 'Files',
        summary: 'Upload a file',
        body: ref('FileUpload'),
        bodyType: 'multipart/form-data',
        answer: json(ref('File')),
        errors: { 413: '`file_too_large`', 415: '`unsupported_media_type`' },
      }),
      get: stored({
        tag: 'Files',
        summary: 'List files',
        parameters: query(listFilesQuery),
        answer: json(ref('FileList')),
      }),
    },
    '/v1/files/{id}': {
      get: stored({
        tag: 'Files',
        summary: 'Get a file',
        parameters: [FILE_ID],
        answer: json(ref('File')),
        errors: NO_FILE,
      }),
      delete: stored({
        tag: 'Files',
        summary: 'Delete a file',
        parameters: [FILE_ID],
        answer: json(ref('DeletedFile')),
        errors: { ...NO_FILE, 409: '`file_in_use`' },
      }),
    },
    '/v1/files/{id}/content': {
      get: stored({
        tag: 'Files',
        summary: 'Read the bytes of a file',
        parameters: [FILE_ID],
        answer: { 'application/octet-stream': BYTES },
        errors: NO_FILE,
      }),
    },
    '/v1/batches': {
      post: stored({
        tag: 'Batches',
        summary: 'Run every line of a file',
        description:
          'The file is checked afterwards: when a line of it is wrong the batch fails, and says of every bad line why.',
        body: ref('BatchRequest'),
        parameters: [{ ...IDEMPOTENCY_KEY, description: 'The same key with the same request is the same batch.' }],
        answer: json(ref('Batch')),
        errors: { ...NO_FILE, 409: '`idempotency_conflict`', 413: '`file_too_large`' },
      }),
      get: stored({
        tag: 'Batches',
        summary: 'List batches, newest first',
        parameters: query(listBatchesQuery),
        answer: json(ref('BatchList')),
      }),
    },
    '/v1/batches/{id}': {
      get: stored({
        tag: 'Batches',
        summary: 'Get a batch, with its counts and tokens as they stand',
        parameters: [BATCH_ID],
        answer: json(ref('Batch')),
        errors: NO_BATCH,
      }),
    },
    '/v1/batches/{id}/cancel': {
      post: change('Stop a batch, and keep what has ended', '`batch_already_finished`'),
    },
    '/v1/batches/{id}/pause': { post: change('Begin no more lines of a batch for now', '`batch_already_finished`') },
    '/v1/batches/{id}/resume': { post: change('Let a paused batch go on', '`batch_already_finished`') },
    '/v1/batches/{id}/retry': {
      post: change(
        'Try the failed lines of a batch again, as a new batch',
        '`batch_not_finished`, `batch_not_retryable`',
      ),
    },
    '/v1/batches/{id}/output': {
      get: stored({
        tag: 'Batches',
        summary: 'Read the results that there are so far, in the order of the input',
        parameters: [BATCH_ID],
        answer: { 'application/x-ndjson': { type: 'string' } },
        errors: NO_BATCH,
      }),
    },
  };
}

const NO_FILE = { 404: '`file_not_found`' };
const NO_BATCH = { 404: '`batch_not_found`' };

function change(summary: string, conflict: string): JsonSchema {
  return stored({
    tag: 'Batches',
    summary,
    parameters: [BATCH_ID],
    answer: json(ref('Batch')),
    errors: { ...NO_BATCH, 409: conflict },
  });
}
