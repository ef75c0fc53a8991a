import { failure } from '@llm-engine/contracts';
import { startProducer } from '@llm-engine/producer';
import { describe, expect, test } from 'vitest';
import { CliProcess, runCli } from '../support/cli.ts';
import { aborted } from '../support/engine.ts';
import { SILENT, TestProducer, chatChunk, chatCompletion } from '../support/producer.ts';

const HELLO = ['submit', '--model', 'm', 'Hello'];
const answering = { runJob: () => Promise.resolve(chatCompletion('Good day')) };
const failing = {
  runJob: () =>
    Promise.resolve({ kind: 'failed', failure: failure('bad_request', 'The model does not like it.') } as const),
};

/** A command against that producer. */
function cli({ url }: TestProducer, ...args: readonly string[]) {
  return runCli(args, { env: { LLM_ENGINE_URL: url } });
}

async function submitted(producer: TestProducer, ...args: readonly string[]): Promise<string> {
  return (await cli(producer, ...HELLO, ...args)).stdout.trim();
}

describe('submit', () => {
  test('prints the id of the job and nothing else', async () => {
    await using producer = await TestProducer.start();

    const { code, stdout, stderr } = await cli(producer, ...HELLO, '--delay', '1h', '--meta', 'run=7');

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const job = await producer.engine.producer.job(stdout.trim()).status();
    expect(job).toMatchObject({ state: 'scheduled', metadata: { run: '7' } });
  });

  test('--json prints the job', async () => {
    await using producer = await TestProducer.start();

    const { stdout } = await cli(producer, ...HELLO, '--json', '--priority', 'bulk');

    expect(JSON.parse(stdout)).toMatchObject({ kind: 'inference', model: 'm', priority: 'bulk', state: 'queued' });
  });

  test('--wait prints the answer', async () => {
    await using producer = await TestProducer.start(answering);

    const { code, stdout, stderr } = await cli(producer, ...HELLO, '--wait');

    expect({ code, stdout }).toEqual({ code: 0, stdout: 'Good day\n' });
    expect(stderr).toContain('succeeded · waited');
  });

  test('--wait --json prints the job that has ended', async () => {
    await using producer = await TestProducer.start(answering);

    const { stdout } = await cli(producer, ...HELLO, '--wait', '--json');

    expect(JSON.parse(stdout)).toMatchObject({ state: 'succeeded', result: { object: 'chat.completion' } });
  });

  test('a prompt may come from standard input', async () => {
    await using producer = await TestProducer.start({
      runJob: (lease) => Promise.resolve(chatCompletion(JSON.stringify(lease.payload))),
    });

    const env = { LLM_ENGINE_URL: producer.url };
    const { stdout } = await runCli(['submit', '--model', 'm', '--wait', '-'], { env, input: 'From a pipe\n' });

    expect(stdout).toContain('"content":"From a pipe"');
  });

  test('a job that fails ends with 1 and says why', async () => {
    await using producer = await TestProducer.start(failing);

    const { code, stdout, stderr } = await cli(producer, ...HELLO, '--wait');

    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('bad_request: The model does not like it.');
  });

  test('a model that does not exist is refused with those that do', async () => {
    await using producer = await TestProducer.start();

    const { code, stderr } = await cli(producer, 'submit', '--model', 'nope', 'Hello');

    expect(code).toBe(1);
    expect(stderr).toMatch(/error model_not_found: .*Known models: m/);
  });
});

describe('watch', () => {
  test('prints tokens as they come, and how the job ended', async () => {
    const more = Promise.withResolvers<void>();
    await using producer = await TestProducer.start({
      runJob: async (lease) => {
        lease.publish(chatChunk('Good '));
        await more.promise;
        lease.publish(chatChunk('day'));
        return chatCompletion('Good day');
      },
    });
    await using watching = new CliProcess([...HELLO, '--stream'], { env: { LLM_ENGINE_URL: producer.url } });

    await watching.prints(/^Good $/);
    more.resolve();
    const { code, stdout, stderr } = await watching.ended();

    expect({ code, stdout }).toEqual({ code: 0, stdout: 'Good day\n' });
    expect(stderr).toContain('succeeded');
  });

  test('--json prints every event as a line', async () => {
    await using producer = await TestProducer.start({
      runJob: (lease) => {
        lease.publish(chatChunk('Good day'));
        return Promise.resolve(chatCompletion('Good day'));
      },
    });

    const { stdout } = await cli(producer, ...HELLO, '--stream', '--json');

    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    expect(events).toEqual([
      { type: 'chunk', seq: 1, data: JSON.parse(chatChunk('Good day')) as unknown },
      { type: 'end', job: expect.objectContaining({ state: 'succeeded' }) },
    ]);
  });

  test('goes on where it was after its producer was replaced', async () => {
    const more = Promise.withResolvers<void>();
    await using producer = await TestProducer.start({
      graceMs: 0,
      runJob: async (lease) => {
        lease.publish(chatChunk('Good '));
        await more.promise;
        lease.publish(chatChunk('day'));
        return chatCompletion('Good day');
      },
    });
    await using watching = new CliProcess([...HELLO, '--stream'], { env: { LLM_ENGINE_URL: producer.url } });
    await watching.prints(/^Good $/);

    await producer.close();
    await watching.prints(/The connection was lost/, 'stderr');
    more.resolve();
    const { redisUrl, prefix } = producer.engine;
    const port = Number(new URL(producer.url).port);
    await using _successor = await startProducer({ redisUrl, prefix, port, logger: SILENT });
    const { code, stdout } = await watching.ended();

    expect({ code, stdout }).toEqual({ code: 0, stdout: 'Good day\n' });
  });

  test('Ctrl-C ends the watching, and the job goes on', async () => {
    await using producer = await TestProducer.start({
      runJob: async (lease) => {
        lease.publish(chatChunk('Good '));
        await aborted(lease.signal);
        return { kind: 'handed-over', reason: 'the test ends', delayMs: 0 };
      },
    });
    await using watching = new CliProcess([...HELLO, '--stream'], { env: { LLM_ENGINE_URL: producer.url } });
    await watching.prints(/^Good $/);

    watching.signal('SIGINT');
    const { code, stderr } = await watching.ended();

    const [, id = ''] = /llm-engine watch (\S+)/.exec(stderr) ?? [];
    expect(code).toBe(130);
    expect((await producer.engine.producer.job(id).status()).state).toBe('running');
  });

  test('a reader that has enough, such as head, is no error', async () => {
    const more = Promise.withResolvers<void>();
    await using producer = await TestProducer.start({
      runJob: async (lease) => {
        lease.publish(chatChunk('Good '));
        await more.promise;
        lease.publish(chatChunk('day'));
        await aborted(lease.signal);
        return { kind: 'handed-over', reason: 'the test ends', delayMs: 0 };
      },
    });
    await using watching = new CliProcess([...HELLO, '--stream'], { env: { LLM_ENGINE_URL: producer.url } });
    await watching.prints(/^Good $/);

    watching.stopReading();
    more.resolve();
    const { code, stderr } = await watching.ended();

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('an unknown job is refused', async () => {
    await using producer = await TestProducer.start();

    const { code, stderr } = await cli(producer, 'watch', 'job_nope');

    expect(code).toBe(1);
    expect(stderr).toContain('error job_not_found:');
  });
});

describe('jobs', () => {
  test('lists the newest first, in columns', async () => {
    await using producer = await TestProducer.start();
    const older = await submitted(producer);
    const newer = await submitted(producer, '--delay', '1h');

    const { stdout } = await cli(producer, 'jobs');

    const [head, ...rows] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {2,}/));
    expect(head).toEqual(['ID', 'STATE', 'KIND', 'MODEL', 'PRIORITY', 'ATTEMPTS', 'AGE', 'RAN']);
    expect(rows.map(([id, state]) => [id, state])).toEqual([
      [newer, 'scheduled'],
      [older, 'queued'],
    ]);
  });

  test('filters choose, and more than a page is read page by page', async () => {
    await using producer = await TestProducer.start();
    const body = { model: 'm', messages: [{ role: 'user', content: 'Hello' }] };
    const job = { kind: 'inference', endpoint: '/v1/chat/completions', body } as const;
    await producer.engine.producer.submitMany(Array.from({ length: 120 }, () => job));
    await producer.engine.producer.submit({ ...job, delayMs: 60_000 });

    const { stdout } = await cli(producer, 'jobs', '--state', 'queued', '--limit', '110', '--json');

    const { data, has_more: hasMore } = JSON.parse(stdout) as {
      data: { state: string; id: string }[];
      has_more: boolean;
    };
    expect(new Set(data.map(({ id }) => id)).size).toBe(110);
    expect(new Set(data.map(({ state }) => state))).toEqual(new Set(['queued']));
    expect(hasMore).toBe(true);
  });

  test('one job is shown with its answer', async () => {
    await using producer = await TestProducer.start(answering);
    const { stdout: ended } = await cli(producer, ...HELLO, '--wait', '--json');
    const { id } = JSON.parse(ended) as { id: string };

    const [plain, byShow, json] = await Promise.all([
      cli(producer, 'jobs', id),
      cli(producer, 'show', id),
      cli(producer, 'show', id, '--json'),
    ]);

    expect(plain.stdout).toMatch(/^State +succeeded$/m);
    expect(plain.stdout).toMatch(/\n\nGood day\n$/);
    expect(byShow.stdout).toMatch(/^Job +job_/);
    expect(JSON.parse(json.stdout)).toMatchObject({ id, object: 'job', state: 'succeeded' });
  });

  test('no jobs are said to be none, and are an empty list in JSON', async () => {
    await using producer = await TestProducer.start();

    const [plain, json] = await Promise.all([cli(producer, 'jobs'), cli(producer, 'jobs', '--json')]);

    expect(plain).toEqual({ code: 0, stdout: '', stderr: 'No such jobs.\n' });
    expect(JSON.parse(json.stdout)).toEqual({ data: [], has_more: false });
  });
});

describe('cancel', () => {
  test('cancels each job it is given, and ends with 1 when one could not be', async () => {
    await using producer = await TestProducer.start();
    const [first, second] = [await submitted(producer), await submitted(producer)];

    const { code, stdout, stderr } = await cli(producer, 'cancel', first, 'job_nope', second);

    expect(code).toBe(1);
    expect(stdout).toBe(`${first}  cancelled\n${second}  cancelled\n`);
    expect(stderr).toContain('error job_not_found:');
  });

  test('--json prints each job as a line', async () => {
    await using producer = await TestProducer.start();
    const id = await submitted(producer);

    const { stdout } = await cli(producer, 'cancel', id, '--json');

    expect(JSON.parse(stdout)).toMatchObject({ id, state: 'cancelled' });
  });
});

describe('retry', () => {
  test('a failed job is tried again as a new one', async () => {
    await using producer = await TestProducer.start(failing);
    const { stdout: ended } = await cli(producer, ...HELLO, '--wait', '--json');
    const { id } = JSON.parse(ended) as { id: string };

    const { code, stdout } = await cli(producer, 'retry', id, '--json');

    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ id: expect.not.stringMatching(`^${id}$`), retry_of: id });
  });

  test('--all with an error code tries those again that failed with it', async () => {
    await using producer = await TestProducer.start(failing);
    await cli(producer, ...HELLO, '--wait');

    const others = await cli(producer, 'retry', '--all', '--code', 'timeout');
    const those = await cli(producer, 'retry', '--all', '--code', 'bad_request');

    expect(others).toMatchObject({ code: 0, stdout: '0 jobs are tried again.\n' });
    expect(those).toMatchObject({ code: 0, stdout: '1 job is tried again.\n' });
  });

  test.each([[['retry']], [['retry', 'job_a', '--all']], [['retry', 'job_a', '--code', 'timeout']]])(
    '%o is a wrong command line',
    async (args) => {
      const { code, stderr } = await runCli(args);

      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('--all') });
    },
  );
});

test('models are listed', async () => {
  await using producer = await TestProducer.start();

  const [plain, json] = await Promise.all([cli(producer, 'models'), cli(producer, 'models', '--json')]);

  expect(plain.stdout).toBe('MODEL  OWNED BY\nm      test\n');
  expect(JSON.parse(json.stdout)).toEqual([expect.objectContaining({ id: 'm', owned_by: 'test' })]);
});
