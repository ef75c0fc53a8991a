import { createLogger } from '@llm-engine/observability';
import type { Logger } from '@llm-engine/observability';
import type { LogLine } from './app-process.ts';

/** What a worker in the test's own process logs. */
export class WorkerLog {
  readonly lines: LogLine[] = [];
  readonly logger: Logger;
  readonly #waiting = new Set<() => void>();

  constructor() {
    this.logger = createLogger({
      service: 'worker',
      destination: {
        write: (line: string) => {
          this.lines.push(JSON.parse(line) as LogLine);
          for (const look of this.#waiting) look();
        },
      },
    });
  }

  /** The first line, past or to come, that matches. */
  async logged(matches: (line: LogLine) => boolean): Promise<LogLine> {
    const { promise, resolve } = Promise.withResolvers<LogLine>();
    const look = (): void => {
      const found = this.lines.find(matches);
      if (found !== undefined) resolve(found);
    };
    this.#waiting.add(look);
    look();
    try {
      return await promise;
    } finally {
      this.#waiting.delete(look);
    }
  }
}
