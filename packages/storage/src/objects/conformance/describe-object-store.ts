import { describe } from 'vitest';
import { describeKeys } from './keys.ts';
import { describeReading } from './reading.ts';
import type { StartStore } from './subject.ts';
import { describeWriting } from './writing.ts';

export { blocks, bytes, codeOf, errorOf, never } from './subject.ts';
export type { StoreSubject } from './subject.ts';

/** What an object store has to do, wherever the bytes lie. */
export function describeObjectStore(name: string, start: StartStore): void {
  describe(`${name} is an ObjectStore`, () => {
    describeWriting(start);
    describeReading(start);
    describeKeys(start);
  });
}
