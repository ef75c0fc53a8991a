import { z } from 'zod';

const UNITS: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };
const MESSAGE = 'must be a size with its unit, such as 512KiB or 16MiB';

/** A size such as `16MiB`; in bytes once it is parsed. */
export const size = z
  .string({ error: MESSAGE })
  .regex(/^\d+(\.\d+)?(B|KiB|MiB|GiB)$/, MESSAGE)
  .transform((text) => {
    const unit = text.replace(/[\d.]/g, '');
    return Math.round(Number.parseFloat(text) * (UNITS[unit] ?? 1));
  })
  .refine((bytes) => bytes > 0, 'must be more than 0');
