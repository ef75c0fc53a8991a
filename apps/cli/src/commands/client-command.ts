import type { Command, CommandOptions } from 'commander';
import { findProducer } from '../client/find-engine.ts';
import type { Server } from '../client/http.ts';
import { JobsClient } from '../client/jobs-client.ts';
import type { CommandContext } from './context.ts';

/** Options of every command that talks to an engine. */
export interface ClientFlags {
  readonly url?: string;
  readonly apiKey?: string;
  readonly json?: boolean;
}

export function clientCommand(
  program: Command,
  usage: string,
  description: string,
  options: CommandOptions = {},
): Command {
  return program
    .command(usage, options)
    .description(description)
    .option('--url <url>', 'address of the producer (LLM_ENGINE_URL)')
    .option('--api-key <key>', 'key of the engine (LLM_ENGINE_API_KEY)')
    .option('--json', 'print JSON on standard output and nothing else');
}

export function apiKeyOf({ apiKey }: ClientFlags, env: CommandContext['env']): { readonly apiKey?: string } {
  const key = apiKey ?? env['LLM_ENGINE_API_KEY'];
  return key === undefined || key === '' ? {} : { apiKey: key };
}

export async function jobsClient(flags: ClientFlags, env: CommandContext['env']): Promise<JobsClient> {
  return new JobsClient(await producerOf(flags, env));
}

/** The producer that a command line means, for clients of its parts. */
export async function producerOf(flags: ClientFlags, env: CommandContext['env']): Promise<Server> {
  return {
    url: await findProducer({ env, ...(flags.url !== undefined && { url: flags.url }) }),
    ...apiKeyOf(flags, env),
    unreachableHint: 'Start an engine with `llm-engine up`, or name the address of one with --url or LLM_ENGINE_URL.',
  };
}
