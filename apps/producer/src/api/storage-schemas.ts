import { BATCH_STATUSES, FILE_PURPOSES, INFERENCE_ENDPOINTS, PRIORITIES, batchRequest } from '@llm-engine/contracts';
import { uploadFields } from '../files/requests.ts';
import { integer, jsonSchema, object, pageOf, text } from './json-schema.ts';
import type { JsonSchema } from './json-schema.ts';

const time = { type: 'integer', description: 'Unix seconds.' } as const;
const timeOrNull = { type: ['integer', 'null'], description: 'Unix seconds.' } as const;
const textOrNull = { type: ['string', 'null'] } as const;

/** Schemas of files and batches. */
export function storageSchemas() {
  return {
    FileUpload: upload(),
    File: object(
      {
        id: text,
        object: { const: 'file' },
        bytes: integer,
        created_at: time,
        filename: text,
        purpose: { type: 'string', enum: FILE_PURPOSES },
        status: { const: 'processed', description: 'A file that is there is whole.' },
        expires_at: time,
      },
      ['id', 'object', 'bytes', 'created_at', 'filename', 'purpose', 'status'],
    ),
    FileList: pageOf('File'),
    DeletedFile: object({ id: text, object: { const: 'file' }, deleted: { const: true } }),
    BatchRequest: jsonSchema(batchRequest),
    Batch: batch(),
    BatchList: pageOf('Batch'),
  } as const;
}

/** The parts of a multipart body; the fields of an object go under names in brackets. */
function upload(): JsonSchema {
  const { properties = {} } = jsonSchema(uploadFields) as { properties?: Record<string, JsonSchema> };
  const { purpose, expires_after: life } = properties;
  const { anchor, seconds } = (life?.['properties'] ?? {}) as Record<string, JsonSchema>;
  return object(
    {
      file: { type: 'string', format: 'binary' },
      purpose,
      'expires_after[anchor]': anchor,
      'expires_after[seconds]': seconds,
    },
    ['file', 'purpose'],
  );
}

function batch(): JsonSchema {
  return object({
    id: text,
    object: { const: 'batch' },
    endpoint: { type: 'string', enum: INFERENCE_ENDPOINTS },
    model: textOrNull,
    errors: {
      anyOf: [
        object({
          object: { const: 'list' },
          data: {
            type: 'array',
            items: object({ code: text, message: text, param: textOrNull, line: { type: ['integer', 'null'] } }),
          },
        }),
        { type: 'null' },
      ],
      description: 'What is wrong with the input file: every bad line.',
    },
    input_file_id: text,
    completion_window: text,
    status: { type: 'string', enum: BATCH_STATUSES },
    output_file_id: textOrNull,
    error_file_id: textOrNull,
    created_at: time,
    in_progress_at: timeOrNull,
    expires_at: time,
    finalizing_at: timeOrNull,
    completed_at: timeOrNull,
    failed_at: timeOrNull,
    expired_at: timeOrNull,
    cancelling_at: timeOrNull,
    cancelled_at: timeOrNull,
    request_counts: object({ total: integer, completed: integer, failed: integer }),
    usage: object({
      input_tokens: integer,
      input_tokens_details: object({ cached_tokens: integer }),
      output_tokens: integer,
      output_tokens_details: object({ reasoning_tokens: integer }),
      total_tokens: integer,
    }),
    metadata: { type: ['object', 'null'], additionalProperties: text },
    priority: { type: 'string', enum: PRIORITIES },
    paused_at: { ...timeOrNull, description: 'Since when no new lines of it begin, in Unix seconds.' },
    retry_of: { ...textOrNull, description: 'The batch whose failed lines this one tries again.' },
  });
}
