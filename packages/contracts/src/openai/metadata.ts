import { z } from 'zod';

/** At most 16 pairs that are kept with a thing and returned with it. */
export const metadataSchema = z
  .record(
    z.string().max(64, 'keys are at most 64 characters'),
    z.string().max(512, 'values are at most 512 characters'),
  )
  .refine((pairs) => Object.keys(pairs).length <= 16, 'holds at most 16 pairs');
