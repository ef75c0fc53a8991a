import type { OpenAIFile } from '@llm-engine/contracts';
import type { FileRow } from '@llm-engine/storage';

/** A file as the API answers it. */
export function toOpenAIFile({ id, bytes, createdAt, filename, purpose, expiresAt }: FileRow): OpenAIFile {
  return {
    id,
    object: 'file',
    bytes,
    created_at: seconds(createdAt),
    filename,
    purpose,
    status: 'processed',
    ...(expiresAt !== null && { expires_at: seconds(expiresAt) }),
  };
}

function seconds(time: Date): number {
  return Math.floor(time.getTime() / 1_000);
}
