import { z } from 'zod';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A duration such as `500ms`, `30s`, `5m` or `1.5h`; in milliseconds once it is parsed. */
export const duration = z
  .string({ error: 'must be a duration with its unit, such as 500ms, 30s, 5m or 1h' })
  .regex(/^\d+(\.\d+)?(ms|s|m|h)$/, 'must be a duration with its unit, such as 500ms, 30s, 5m or 1h')
  .transform((text) => {
    const unit = text.replace(/[\d.]/g, '');
    return Math.round(Number.parseFloat(text) * (UNITS[unit] ?? 1));
  });

/** A duration that cannot be nothing. */
export const timeSpan = duration.refine((ms) => ms > 0, 'must be longer than 0');
