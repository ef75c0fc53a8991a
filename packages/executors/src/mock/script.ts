import { FAILURES, FailureError, describeIssue, failure } from '@llm-engine/contracts';
import type { FailureClass, InferenceBody } from '@llm-engine/contracts';
import { z } from 'zod';

export const FAILURE_CLASSES = Object.keys(FAILURES) as readonly FailureClass[];

const ms = z.number().nonnegative().max(3_600_000);

const shared = {
  /** The text to answer with, instead of the usual one. */
  reply: z.string().optional(),
  /** The case happens after this many streamed chunks. Default 0: before the answer. */
  afterChunks: z.int().nonnegative().optional(),
};

/** The field `mock` of a request body: how the mock is to treat this request. */
const script = z.discriminatedUnion('case', [
  z.strictObject({ case: z.literal('ok'), ...shared }),
  /** Takes `ms` before the answer, and `tokenMs` before each streamed token. */
  z.strictObject({ case: z.literal('slow'), ms, tokenMs: ms.optional(), ...shared }),
  /** Fails with a class: always, or the first `times` tries of the same job in this process. */
  z.strictObject({
    case: z.literal('fail'),
    class: z.enum(FAILURE_CLASSES),
    times: z.int().positive().optional(),
    message: z.string().optional(),
    retryAfterMs: ms.optional(),
    ...shared,
  }),
  /** Never answers; ends with the abort. */
  z.strictObject({ case: z.literal('hang'), ...shared }),
  /** Kills this process by SIGKILL, where the mock allows it. */
  z.strictObject({ case: z.literal('crash'), ...shared }),
]);

export type Script = z.infer<typeof script>;

/** What the request asks the mock to do; `ok` when it says nothing. */
export function readScript(body: InferenceBody): Script {
  const { mock } = body;
  if (mock === undefined || mock === null) return { case: 'ok' };
  const parsed = script.safeParse(mock);
  if (parsed.success) return parsed.data;
  const { message, param } = describeIssue(parsed.error);
  throw new FailureError(
    failure('bad_request', `The field 'mock' is invalid: ${message}`, {
      param: param === null ? 'mock' : `mock.${param}`,
    }),
  );
}
