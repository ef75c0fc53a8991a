import { parseArgs } from 'node:util';
import { RedisServer } from '../test/support/redis-server.ts';
import { batching } from './batch.ts';
import { mixing } from './chat-beside-batch.ts';
import { QUEUE_BENCHES } from './queue.ts';
import type { Comparison } from './rounds.ts';

const HELP = `npm run bench -- [--rounds N] [--jobs N] [--lines N] [--chats N] [--only NAME] [--json]

Measures the engine beside a reference in the same run; ratios above 1 are better than the reference.
  --rounds N   rounds a measurement, after one of warm-up (default 5)
  --jobs N     jobs a round (default 10000)
  --lines N    lines of a batch (default 50000)
  --chats N    conversations beside a batch, measured once (default 400)
  --only NAME  one of the measurements: submit, run, answer, batch or mixed
  --json       one JSON document instead of a table`;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    jobs: { type: 'string', default: '10000' },
    lines: { type: 'string', default: '50000' },
    chats: { type: 'string', default: '400' },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const BENCHES = { ...QUEUE_BENCHES, batch: batching, mixed: mixing };

if (values.help) console.log(HELP);
else await main();

async function main(): Promise<void> {
  await using redis = await RedisServer.start();
  const options = {
    redisUrl: redis.url,
    rounds: Number(values.rounds),
    jobs: Number(values.jobs),
    lines: Number(values.lines),
    chats: Number(values.chats),
  };
  const comparisons: Comparison[] = [];
  for (const [name, bench] of Object.entries(BENCHES)) {
    if (values.only === undefined || values.only === name) comparisons.push(...(await bench(options)));
  }
  if (comparisons.length === 0)
    throw new Error(`There is no measurement '${values.only}'; there are ${Object.keys(BENCHES).join(', ')}.`);
  if (values.json) console.log(JSON.stringify({ node: process.version, comparisons }, null, 2));
  else console.table(comparisons.map(row));
}

function row({ name, unit, ours, reference, ratio, goal }: Comparison): Record<string, string> {
  const digits = ours < 100 ? 2 : 0;
  return {
    measurement: name,
    ours: `${ours.toFixed(digits)} ${unit}`,
    reference: `${reference.toFixed(digits)} ${unit}`,
    ratio: ratio.toFixed(2),
    goal: `>= ${goal}`,
    met: ratio >= goal ? 'yes' : 'no',
  };
}
