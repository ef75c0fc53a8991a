import type { WireJob } from '../client/wire.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { reportError } from '../output/report-error.ts';
import type { Terminal } from '../output/terminal.ts';

interface EachJobOptions {
  readonly terminal: Terminal;
  readonly json: boolean;
  readonly act: (id: string) => Promise<WireJob>;
  /** What has been done, in a line. */
  readonly describe: (id: string, job: WireJob) => string;
}

/** Does the same to several jobs; one that refuses does not keep the others. Ends with the worst exit code. */
export async function eachJob(ids: readonly string[], options: EachJobOptions): Promise<ExitCode> {
  const { terminal, json, act, describe } = options;
  let worst: ExitCode = EXIT.ok;
  for (const id of ids) {
    try {
      const job = await act(id);
      if (json) terminal.json(job);
      else terminal.print(describe(id, job));
    } catch (error) {
      const exitCode = reportError(error, terminal, json);
      if (exitCode === EXIT.unreachable) return exitCode;
      worst = exitCode;
    }
  }
  return worst;
}
