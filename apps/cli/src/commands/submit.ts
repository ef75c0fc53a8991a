import { PRIORITIES } from '@llm-engine/contracts';
import { Option } from 'commander';
import type { Command } from 'commander';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { clientCommand, jobsClient } from './client-command.ts';
import type { CommandContext } from './context.ts';
import { follow } from './follow.ts';
import { parseCount } from './parse-count.ts';
import { addPair } from './parse-pair.ts';
import { parseTime } from './parse-time.ts';
import { buildSubmission } from './submission.ts';
import type { SubmitFlags } from './submission.ts';

const HELP = `
Prints the id of the job; with --wait or --stream the answer instead.

Examples:
  $ llm-engine submit --model tiny-chat "Hello"
  $ llm-engine submit --model tiny-chat --stream "Hello"
  $ cat prompt.txt | llm-engine submit --model tiny-chat --wait -
  $ llm-engine submit --model tiny-chat --endpoint embeddings "Hello"
  $ llm-engine submit --body request.json --priority bulk --delay 5m --meta run=7
  $ llm-engine submit --job fine-tune.json       # {"kind":"fine-tune","model":...,"dataset":...}`;

export function addSubmit(program: Command, context: CommandContext): void {
  clientCommand(program, 'submit [prompt...]', 'Submit a job')
    .option('--model <model>', 'the model to ask (llm-engine models lists them)')
    .addOption(
      new Option('--endpoint <endpoint>', 'what to ask for')
        .choices(['chat', 'completions', 'embeddings'])
        .default('chat'),
    )
    .option('--body <file>', "the endpoint's request body as JSON; - for standard input")
    .option('--job <file>', 'the whole job as JSON, as POST /v1/jobs takes it; - for standard input')
    .addOption(new Option('--priority <class>', 'how urgent it is; standard where not given').choices(PRIORITIES))
    .option('--delay <time>', 'wait this long before it may run, such as 30s, 5m, 2h', parseTime)
    .option('--timeout <time>', 'bound on one attempt', parseTime)
    .option('--max-attempts <count>', 'how often it is tried in all', parseCount)
    .option('--meta <key=value>', 'kept with the job; may be given again', addPair)
    .option('--idempotency-key <key>', 'the same key with the same job is submitted once')
    .option('--wait', 'wait for the end and print the answer')
    .option('--stream', 'print the answer token by token as it comes')
    .addHelpText('after', HELP)
    .action((prompt: string[], flags: SubmitFlags) => context.run(flags, () => submit(prompt, flags, context)));
}

async function submit(prompt: readonly string[], flags: SubmitFlags, context: CommandContext): Promise<ExitCode> {
  const { terminal, env } = context;
  const submission = await buildSubmission(prompt, flags);
  const client = await jobsClient(flags, env);
  const accepted = await client.submit(submission);
  const json = flags.json === true;
  if (flags.stream === true) return follow(accepted.id, { client, terminal, show: json ? 'events' : 'text' });
  if (flags.wait === true) return follow(accepted.id, { client, terminal, show: json ? 'job' : 'text' });
  if (json) {
    terminal.json(accepted);
    return EXIT.ok;
  }
  terminal.print(accepted.id);
  if (terminal.isInteractive) terminal.note(terminal.paintNote.dim(`Watch it: llm-engine watch ${accepted.id}`));
  return EXIT.ok;
}
