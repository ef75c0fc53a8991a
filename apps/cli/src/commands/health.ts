import type { Command } from 'commander';
import { findMonitor } from '../client/find-engine.ts';
import { readJson, send } from '../client/http.ts';
import type { Server } from '../client/http.ts';
import { wireHealth } from '../client/wire.ts';
import type { WireHealth } from '../client/wire.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { table } from '../output/table.ts';
import type { Terminal } from '../output/terminal.ts';
import { apiKeyOf } from './client-command.ts';
import type { ClientFlags } from './client-command.ts';
import type { CommandContext } from './context.ts';

type Status = WireHealth['status'];

const COLORS: Readonly<Record<Status, 'green' | 'yellow' | 'red'>> = { pass: 'green', warn: 'yellow', fail: 'red' };
const SUMMARY: Readonly<Record<Status, string>> = {
  pass: 'The engine is well.',
  warn: 'The engine works, and something needs a look.',
  fail: 'The engine is not well.',
};
const HELP = `
Ends with 0 when the engine works (pass or warn) and with 1 when it does not (fail).

Example:
  $ llm-engine health`;

export function addHealth(program: Command, context: CommandContext): void {
  program
    .command('health')
    .description('Say how the engine is: Redis, workers, models')
    .option('--url <url>', 'address of the monitor (LLM_ENGINE_MONITOR_URL)')
    .option('--api-key <key>', 'key of the engine (LLM_ENGINE_API_KEY)')
    .option('--json', 'print JSON on standard output and nothing else')
    .addHelpText('after', HELP)
    .action((flags: ClientFlags) => context.run(flags, () => health(flags, context)));
}

async function health(flags: ClientFlags, { terminal, env }: CommandContext): Promise<ExitCode> {
  const server: Server = {
    url: await findMonitor({ env, ...(flags.url !== undefined && { url: flags.url }) }),
    ...apiKeyOf(flags, env),
    unreachableHint:
      'Start an engine with `llm-engine up`, or name the address of its monitor with --url or LLM_ENGINE_MONITOR_URL.',
  };
  const response = await send(server, { path: '/health' });
  const report = await readJson(server, response, wireHealth, [503]);
  if (flags.json === true) terminal.json(report);
  else terminal.print(...healthLines(report, terminal));
  return report.status === 'fail' ? EXIT.failed : EXIT.ok;
}

function healthLines({ status, checks }: WireHealth, { paint }: Terminal): readonly string[] {
  const rows = Object.entries(checks).flatMap(([name, results]) =>
    results.map(({ status, componentId, observedValue, observedUnit, output }) => [
      paint[COLORS[status]](status),
      componentId === undefined ? name : `${name} ${componentId}`,
      observedValue === undefined ? '' : `${observedValue}${observedUnit === undefined ? '' : ` ${observedUnit}`}`,
      output ?? '',
    ]),
  );
  return [paint[COLORS[status]](SUMMARY[status]), '', ...table(rows)];
}
