import type { BatchError } from '@llm-engine/contracts';
import type { LineProblem } from './line-problem.ts';

const MAX_CHARS = 400;

/** What is wrong with a file, line by line. What does not fit any more is counted. */
export class ErrorList {
  readonly #errors: BatchError[] = [];
  readonly #max: number;
  #left = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get isEmpty(): boolean {
    return this.#errors.length === 0 && this.#left === 0;
  }

  add({ code, message, param }: LineProblem, line: number | null): void {
    if (this.#errors.length >= this.#max) this.#left += 1;
    else this.#errors.push({ code, message: plain(message), param: param === null ? null : plain(param), line });
  }

  all(): readonly BatchError[] {
    if (this.#left === 0) return this.#errors;
    const message = `There are ${this.#left} more errors. Correct these, then look at the file again.`;
    return [...this.#errors, { code: 'invalid_request', message, param: null, line: null }];
  }
}

/**
 * Text of the file as it can be shown, and kept in a database: of a bounded length, without control characters and halves of
 * characters. Always a copy: a piece of a string keeps the whole string in memory, here a line of megabytes.
 */
export function plain(text: string): string {
  const short = text.length <= MAX_CHARS ? text : `${text.slice(0, MAX_CHARS)}…`;
  return Buffer.from(short, 'utf8')
    .toString('utf8')
    .replace(/\p{Cc}/gu, '\uFFFD');
}
