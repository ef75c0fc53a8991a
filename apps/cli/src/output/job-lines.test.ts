import { describe, expect, test } from 'vitest';
import type { WireJob } from '../client/wire.ts';
import { endLine, jobLines, jobTable } from './job-lines.ts';
import { Terminal } from './terminal.ts';

const stream = { write: () => true, on: () => undefined };
const { paint } = new Terminal({ stdout: stream, stderr: stream, env: {} });
const NOW = 1_000_000_000;

function job(overrides: Partial<WireJob> = {}): WireJob {
  return {
    id: 'job_1',
    kind: 'inference',
    state: 'succeeded',
    queue: 'inference.default',
    model: 'm',
    endpoint: '/v1/chat/completions',
    priority: 'standard',
    metadata: { run: '7' },
    created_at: NOW / 1_000 - 10,
    scheduled_for: null,
    started_at: NOW / 1_000 - 9,
    finished_at: NOW / 1_000 - 7,
    attempts: 1,
    max_attempts: 3,
    usage: { prompt_tokens: 12, completion_tokens: 40 },
    finish_reason: 'stop',
    timings: { wait_ms: 1_000, run_ms: 2_000, first_chunk_ms: 80 },
    error: null,
    attempt_errors: [],
    retry_of: null,
    ...overrides,
  };
}

const FAILED = job({
  state: 'failed',
  attempts: 2,
  usage: null,
  timings: null,
  error: { code: 'timeout', message: 'It took too long.' },
  attempt_errors: [{ attempt: 1, error: { code: 'overloaded', message: 'Later.' } }],
});

describe('a job in words', () => {
  test('its end fits in a line, with times and tokens', () => {
    expect(endLine(job(), paint)).toBe(
      'succeeded · waited 1.00 s, ran 2.00 s, first token after 80 ms · 12 + 40 tokens',
    );
  });

  test('the end of a failed job says why and after how many attempts', () => {
    expect(endLine(FAILED, paint)).toBe('failed · timeout: It took too long. · 2 attempts');
  });

  test('all of it names the error of each attempt', () => {
    const text = jobLines(FAILED, paint, NOW).join('\n');

    expect(text).toContain('Error      timeout: It took too long.');
    expect(text).toContain('Attempt 1  overloaded: Later.');
    expect(text).toContain('Metadata   run=7');
  });

  test('one that waits for its time says when that is', () => {
    const scheduled = job({ state: 'scheduled', scheduled_for: NOW / 1_000 + 90, started_at: null, finished_at: null });

    expect(jobLines(scheduled, paint, NOW).join('\n')).toContain('(in 1 m 30 s)');
  });

  test('in a table, one that has not run yet shows no time', () => {
    const waiting = job({ state: 'queued', started_at: null, finished_at: null });

    const [, row] = jobTable([waiting], paint, NOW);

    expect(row?.split(/ {2,}/)).toEqual(['job_1', 'queued', 'inference', 'm', 'standard', '1/3', '10.0 s', '-']);
  });
});
