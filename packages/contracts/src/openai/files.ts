import { z } from 'zod';

/** What a caller may upload a file for. */
export const INPUT_PURPOSES = ['assistants', 'batch', 'fine-tune', 'vision', 'user_data', 'evals'] as const;
/** What the engine makes files for. */
const OUTPUT_PURPOSES = ['batch_output', 'fine-tune-results'] as const;
export const FILE_PURPOSES = [...INPUT_PURPOSES, ...OUTPUT_PURPOSES] as const;
export type FilePurpose = (typeof FILE_PURPOSES)[number];

const HOUR_S = 3_600;
const DAY_S = 24 * HOUR_S;

/** When a file goes by itself: so many seconds after it was made. */
export const expiresAfter = z.strictObject({
  anchor: z.literal('created_at'),
  seconds: z
    .int()
    .min(HOUR_S, 'is at least 3600: an hour')
    .max(30 * DAY_S, 'is at most 2592000: 30 days'),
});

/** A file as the API answers it. Times are Unix seconds. */
export interface OpenAIFile {
  readonly id: string;
  readonly object: 'file';
  readonly bytes: number;
  readonly created_at: number;
  readonly filename: string;
  readonly purpose: FilePurpose;
  /** Files are whole when they are there: the engine leaves none at `uploaded`. */
  readonly status: 'processed';
  readonly expires_at?: number;
}
