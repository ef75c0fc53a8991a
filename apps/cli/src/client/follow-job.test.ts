import { describe, expect, test } from 'vitest';
import { CommandError } from '../command-error.ts';
import { EXIT } from '../exit-codes.ts';
import { followJob } from './follow-job.ts';
import type { JobEvent, JobStreamEvent } from './job-stream.ts';
import type { WireJob } from './wire.ts';

const OPEN = { type: 'open' } as const;
const END = { type: 'end', job: { id: 'j', state: 'succeeded' } as WireJob } as const;
const away = new CommandError('engine_unreachable', 'Nothing answers.', { exitCode: EXIT.unreachable });
const chunk = (seq: number) => ({ type: 'chunk', seq, data: `"${seq}"` }) as const;

/** Each connection yields its events, and then throws its error, where it has one. */
function scriptedClient(...connections: readonly (readonly (JobStreamEvent | Error)[])[]) {
  const askedAfter: number[] = [];
  return {
    askedAfter,
    async *stream(_id: string, { after }: { readonly after: number }): AsyncGenerator<JobStreamEvent> {
      const script = connections[askedAfter.length] ?? [away];
      askedAfter.push(after);
      for (const step of script) {
        if (step instanceof Error) throw step;
        yield step;
      }
    },
  };
}

async function collect(events: AsyncIterable<JobEvent>): Promise<JobEvent[]> {
  const all: JobEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

const options = (onLost: () => void = () => undefined) => ({
  signal: new AbortController().signal,
  onLost,
  patienceMs: 20,
  firstWaitMs: 1,
});

describe('followJob', () => {
  test('goes on after the last chunk it saw when the connection is lost', async () => {
    const client = scriptedClient([OPEN, chunk(1), chunk(2)], [away], [OPEN, chunk(3), END]);
    let losses = 0;

    const events = await collect(
      followJob(
        client,
        'j',
        options(() => (losses += 1)),
      ),
    );

    expect(events).toEqual([chunk(1), chunk(2), chunk(3), END]);
    expect(client.askedAfter).toEqual([0, 2, 2]);
    expect(losses).toBe(1);
  });

  test('does not wait for an engine that was never there', async () => {
    const client = scriptedClient([away]);

    const following = collect(followJob(client, 'j', options()));

    await expect(following).rejects.toBe(away);
    expect(client.askedAfter).toHaveLength(1);
  });

  test('gives up when the engine stays away', async () => {
    const client = scriptedClient([OPEN, chunk(1)]);

    const following = collect(followJob(client, 'j', options()));

    await expect(following).rejects.toBe(away);
  });

  test('a refusal after a lost connection is not tried again', async () => {
    const gone = new CommandError('job_not_found', 'There is no such job.');
    const client = scriptedClient([OPEN, chunk(1)], [gone]);

    const following = collect(followJob(client, 'j', options()));

    await expect(following).rejects.toBe(gone);
  });

  test('stops at once when it is told to, also while it waits for the engine', async () => {
    const client = scriptedClient([OPEN, chunk(1)]);
    const stop = new AbortController();

    const following = collect(
      followJob(client, 'j', {
        signal: stop.signal,
        onLost: () => stop.abort(),
        patienceMs: 60_000,
        firstWaitMs: 60_000,
      }),
    );

    await expect(following).rejects.toThrow('aborted');
  });
});
