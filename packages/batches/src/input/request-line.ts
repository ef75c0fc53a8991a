import { EngineError } from '@llm-engine/contracts';
import type { InferenceBody } from '@llm-engine/contracts';

interface RequestLine {
  readonly customId: string;
  readonly body: InferenceBody;
}

/**
 * A line of a batch file as its run needs it. The file was validated before, so only what the run itself relies on is looked
 * at: throws `object_missing` for a line that cannot have passed, since then the file is not the one that was validated.
 */
export function parseRequestLine(bytes: Buffer): RequestLine {
  const line = parseJson(bytes);
  if (isObject(line)) {
    const { custom_id: customId, body } = line;
    if (typeof customId === 'string' && isObject(body) && typeof body['model'] === 'string') {
      return { customId, body: body as InferenceBody };
    }
  }
  throw new EngineError(
    'object_missing',
    'A line of the input file is no request, though the file was found valid: it was changed since. Upload it again.',
  );
}

/** How a line ended: an HTTP answer, good or bad, or none. */
type LineAnswer =
  | {
      readonly kind: 'answered';
      /** HTTP status. */
      readonly status: number;
      readonly requestId: string;
      /** The JSON body of the answer: always an object, never its text. */
      readonly body: unknown;
    }
  | { readonly kind: 'unanswered'; readonly error: { readonly code: string; readonly message: string } };

/** The JSON line of an output or error file, with its newline. */
export function resultLine(
  { id, customId }: { readonly id: string; readonly customId: string },
  end: LineAnswer,
): string {
  // The other parts are ours and need no escapes; the body is written once.
  const head = `{"id":"${id}","custom_id":${JSON.stringify(customId)},"response":`;
  switch (end.kind) {
    case 'answered':
      return `${head}{"status_code":${end.status},"request_id":${JSON.stringify(end.requestId)},"body":${JSON.stringify(end.body)}},"error":null}\n`;
    case 'unanswered': {
      const { code, message } = end.error;
      return `${head}null,"error":${JSON.stringify({ code, message })}}\n`;
    }
  }
}

const LINE_PREFIX = 'batch_req_';

/** Id of a line's result: the same in every run of the line. `chunk` and `line` (of the chunk) count from 0. */
export function resultId(batchId: string, chunk: number, line: number): string {
  return `${LINE_PREFIX}${batchId.replace(/^batch_/, '')}_${chunk}_${line}`;
}

/** Id of the request that a line became, from the id of its result. */
export function requestId(id: string): string {
  return `req_${id.startsWith(LINE_PREFIX) ? id.slice(LINE_PREFIX.length) : id}`;
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    // The caller tells what it means.
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
