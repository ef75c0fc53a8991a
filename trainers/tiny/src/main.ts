import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { runQuality } from './commands/quality.ts';
import { runSpeed } from './commands/speed.ts';
import { runTrain } from './commands/train.ts';
import { defaultWeights } from './model/model-file.ts';
import { startTinyServer } from './server/tiny-server.ts';

const help = `tiny: a small language model on the CPU

  serve     answer the OpenAI API   --port <n> (8000)  --host <address> (127.0.0.1)  --model <name> (tiny-chat)
  train     make the weights anew   --out <file> (the committed file)  --conversations <n>  --seed <n>
  speed     measure tokens per second
  quality   measure how well it answers, and show answers

  --weights <file>   the weights to serve or measure (the committed file)
  --help             show this`;

const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      port: { type: 'string', default: '8000' },
      host: { type: 'string', default: '127.0.0.1' },
      model: { type: 'string', default: 'tiny-chat' },
      weights: { type: 'string', default: defaultWeights },
      out: { type: 'string', default: defaultWeights },
      conversations: { type: 'string' },
      seed: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const [command, ...rest] = positionals;
  if (values.help || command === undefined) return print(help);
  if (rest.length > 0) throw new Error(`One command at a time; "${rest.join(' ')}" is too much. See --help.`);
  switch (command) {
    case 'serve': {
      const port = wholeNumber('port', values.port);
      return serve({ port, host: values.host, weights: values.weights, modelName: values.model });
    }
    case 'train':
      return runTrain(
        {
          out: values.out,
          ...(values.conversations && { conversations: wholeNumber('conversations', values.conversations) }),
          ...(values.seed && { seed: wholeNumber('seed', values.seed) }),
        },
        print,
      );
    case 'speed':
      return runSpeed(values, print);
    case 'quality':
      return runQuality(values, print);
    default:
      throw new Error(`There is no command "${command}". See --help.`);
  }
}

async function serve(options: Required<Parameters<typeof startTinyServer>[0] & object>): Promise<void> {
  await using server = await startTinyServer(options);
  print(`Serving ${options.modelName} at ${server.url}/v1`);
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`--${name} should be a whole number; it is "${text}".`);
  return Number(text);
}

try {
  await main();
} catch (error) {
  const { message, cause } = error instanceof Error ? error : new Error(String(error));
  process.stderr.write(`${message}${cause instanceof Error ? ` (${cause.message})` : ''}\n`);
  process.exitCode = 1;
}
