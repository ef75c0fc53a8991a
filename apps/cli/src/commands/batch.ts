import { INFERENCE_ENDPOINTS, PRIORITIES, windowSeconds } from '@llm-engine/contracts';
import type { InferenceEndpoint, Priority } from '@llm-engine/contracts';
import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { ENDS_HELP, addResultOptions } from './batch-options.ts';
import type { WatchFlags } from './batch-options.ts';
import { clientCommand } from './client-command.ts';
import type { CommandContext } from './context.ts';
import { addPair } from './parse-pair.ts';
import { runBatch } from './run-batch.ts';

export interface BatchFlags extends WatchFlags {
  readonly endpoint?: InferenceEndpoint;
  readonly window: string;
  readonly priority?: Priority;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly wait: boolean;
}

const HELP = `
A line of the file is a request: {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {...}}
llm-engine validate FILE finds what is wrong with a file without an engine.
${ENDS_HELP}

Examples:
  $ llm-engine batch requests.jsonl --out results.jsonl
  $ generate-requests | llm-engine batch - --out - | jq -r .custom_id
  $ llm-engine batch requests.jsonl --out results.jsonl --window 2h --priority standard --metadata run=7
  $ llm-engine batch requests.jsonl --no-wait          # prints the id, for llm-engine batches watch`;

export function addBatch(program: Command, context: CommandContext): void {
  const command = clientCommand(
    program,
    'batch <file>',
    'Run a file of requests, and bring the results; - for standard input',
  );
  addResultOptions(command)
    .addOption(
      new Option('--endpoint <path>', 'what the lines ask for; what the first asks for where not given').choices(
        INFERENCE_ENDPOINTS,
      ),
    )
    .option('--window <time>', 'how long it may take, from 1m to 30d', parseWindow, '24h')
    .addOption(new Option('--priority <class>', 'which batches go first; bulk where not given').choices(PRIORITIES))
    .option('--metadata <key=value>', 'kept with the batch; may be given again', addPair)
    .option('--no-wait', 'print the id of the batch, and do not wait for its end')
    .addHelpText('after', HELP)
    .action((file: string, flags: BatchFlags) => context.run(flags, () => runBatch(file, flags, context)));
}

function parseWindow(text: string): string {
  if (windowSeconds(text) !== undefined) return text;
  throw new InvalidArgumentError('It is a time from 1m to 30d, such as 24h, 90m or 7d.');
}
