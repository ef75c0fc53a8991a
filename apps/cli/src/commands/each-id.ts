import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { reportError } from '../output/report-error.ts';
import type { Terminal } from '../output/terminal.ts';

interface EachIdOptions<T> {
  readonly terminal: Terminal;
  readonly json: boolean;
  readonly act: (id: string) => Promise<T>;
  /** What has been done, in a line. */
  readonly describe: (id: string, result: T) => string;
}

/** Does the same to several things; one that refuses does not keep the others. Ends with the worst exit code. */
export async function eachId<T>(ids: readonly string[], options: EachIdOptions<T>): Promise<ExitCode> {
  const { terminal, json, act, describe } = options;
  let worst: ExitCode = EXIT.ok;
  for (const id of ids) {
    try {
      const result = await act(id);
      if (json) terminal.json(result);
      else terminal.print(describe(id, result));
    } catch (error) {
      const exitCode = reportError(error, terminal, json);
      if (exitCode === EXIT.unreachable) return exitCode;
      worst = exitCode;
    }
  }
  return worst;
}
