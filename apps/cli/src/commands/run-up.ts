import { once } from 'node:events';
import { Access } from '@llm-engine/http';
import type { LogLevel } from '@llm-engine/observability';
import { TINY_MODEL } from '../engine/model-config.ts';
import { startEngine } from '../engine/start-engine.ts';
import type { Engine } from '../engine/start-engine.ts';
import { StopSignals } from '../engine/stop-signals.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import type { Terminal } from '../output/terminal.ts';
import { VERSION } from '../version.ts';
import type { CommandContext } from './context.ts';

export interface UpFlags {
  readonly home?: string;
  readonly config?: string;
  readonly verbose?: boolean;
  readonly json?: boolean;
}

/** Runs until it is told to stop. */
export async function runUp(flags: UpFlags, { terminal, env }: CommandContext): Promise<ExitCode> {
  using stop = new StopSignals();
  const say = (line: string) => terminal.note(terminal.paintNote.dim(line));
  const logLevel: { logLevel?: LogLevel } = flags.verbose === true ? { logLevel: 'info' } : {};
  try {
    await using engine = await startEngine({
      env,
      say,
      signal: stop.signal,
      ...logLevel,
      ...(flags.home !== undefined && { home: flags.home }),
      ...(flags.config !== undefined && { configFile: flags.config }),
    });
    if (flags.json === true) terminal.json(addresses(engine));
    else terminal.print(...welcome(engine, terminal, (await Access.fromEnv(env)).required));
    if (!stop.signal.aborted) await once(stop.signal, 'abort');
    say('Stopping. Jobs that cannot be finished now are kept for the next start; Ctrl-C again stops at once.');
  } catch (error) {
    if (stop.signal.aborted && error === stop.signal.reason) return EXIT.ok;
    throw error;
  }
  say('Stopped.');
  return EXIT.ok;
}

function addresses({ producerUrl, monitorUrl, workerUrl, redisUrl, home, models }: Engine) {
  return { producerUrl, monitorUrl, workerUrl, redisUrl, home, models };
}

function welcome(engine: Engine, { paint }: Terminal, needsKey: boolean): readonly string[] {
  const model = exampleModel(engine.models);
  const row = (name: string, value: string, remark = '') =>
    `  ${name.padEnd(11)} ${value}${remark === '' ? '' : paint.dim(`  ${remark}`)}`;
  return [
    `${paint.bold(`LLM Engine ${VERSION}`)} runs.`,
    '',
    row('Producer', engine.producerUrl, 'OpenAI API and jobs'),
    row('Monitor', engine.monitorUrl, '/health, /metrics'),
    row('Bull Board', `${engine.monitorUrl}/queues`),
    row('Models', engine.models.length === 0 ? 'none answers yet' : engine.models.join(', ')),
    row('Data, logs', engine.home),
    '',
    ...(model === undefined ? [NO_MODEL] : ['Try it:', ...example(engine.producerUrl, model, needsKey)]),
    '',
    'Ctrl-C stops it.',
  ];
}

const NO_MODEL = 'The model server does not answer yet. Its models are offered as soon as it does.';

function exampleModel(models: readonly string[]): string | undefined {
  return models.includes(TINY_MODEL) ? TINY_MODEL : models[0];
}

function example(url: string, model: string, needsKey: boolean): readonly string[] {
  const body = JSON.stringify({ model, temperature: 0, messages: [{ role: 'user', content: 'What is a queue?' }] });
  return [
    `  curl ${url}/v1/chat/completions -H 'Content-Type: application/json' \\`,
    ...(needsKey ? [`    -H "Authorization: Bearer $LLM_ENGINE_API_KEY" \\`] : []),
    `    -d '${body}'`,
  ];
}
