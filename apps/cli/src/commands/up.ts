import type { Command } from 'commander';
import type { CommandContext } from './context.ts';
import type { UpFlags } from './run-up.ts';

export function addUp(program: Command, context: CommandContext): void {
  program
    .command('up')
    .description('Run the whole engine here: Redis, PostgreSQL, producer, worker and monitor in one process')
    .option('--home <folder>', 'where data and logs lie (LLM_ENGINE_HOME; default .llm-engine)')
    .option(
      '--config <file>',
      'the engine.yaml with the models (LLM_ENGINE_CONFIG; default ./engine.yaml, where it exists)',
    )
    .option('-v, --verbose', 'show what happens to each job, not only what is wrong')
    .option('--json', 'print the addresses as one line of JSON')
    .addHelpText('after', UP_HELP)
    .action((flags: UpFlags) =>
      context.run(flags, async () => {
        // Loaded only now: the other commands should not wait for servers and executors that they have no use for.
        const { runUp } = await import('./run-up.ts');
        return runUp(flags, context);
      }),
    );
}

const UP_HELP = `
Settings (environment):
  PRODUCER_PORT, MONITOR_PORT, WORKER_PORT   8080, 8081, 9464; 0 for any free port
  PRODUCER_HOST, MONITOR_HOST, WORKER_HOST   127.0.0.1; others need LLM_ENGINE_API_KEYS or LLM_ENGINE_API_KEYS_FILE
  REDIS_URL, LLM_ENGINE_PREFIX               a Redis that runs already, and the engine's name in it
  DATABASE_URL                               a PostgreSQL that runs already
  STORAGE_URL                                where files lie: a folder (default: in the home), or s3://bucket/prefix
  MODEL_URL, MODEL_API_KEY                   an OpenAI-compatible server whose models are offered
  LLM_ENGINE_HOME, LLM_ENGINE_CONFIG, LOG_LEVEL

Examples:
  $ llm-engine up
  $ MODEL_URL=http://127.0.0.1:11434/v1 llm-engine up
  $ PRODUCER_PORT=0 MONITOR_PORT=0 WORKER_PORT=0 llm-engine up --home /tmp/another-engine`;
