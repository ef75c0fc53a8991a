import { readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { TestBatches, chatLine } from '../support/batches.ts';
import { batchProcess } from '../support/batch-workers.ts';
import { startModelServer } from '../support/model-server.ts';

const LINES = 200_000;
/** Else the heap of a process that makes much garbage grows for minutes, whatever it holds. */
const SMALL_HEAP = '--max-old-space-size=96 --max-semi-space-size=4';
const MB = 1024 * 1024;

/** What a process has used at most since `forget`, in bytes. */
async function peakOf(pid: number): Promise<number> {
  const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

function forget(pid: number): Promise<void> {
  return writeFile(`/proc/${pid}/clear_refs`, '5');
}

async function* input(lines: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < lines; start += 1_000) {
    const some = Array.from({ length: 1_000 }, (_, index) => chatLine(`line-${start + index}`));
    yield Buffer.from(some.join(''));
  }
}

test('the memory of a worker does not grow with the lines that it has run', { timeout: 300_000 }, async () => {
  await using server = await startModelServer({ models: ['m'], log: false });
  await using engine = await TestBatches.start();
  const env = { BATCH_MAX_LINES: String(LINES), NODE_OPTIONS: SMALL_HEAP };
  await using worker = await batchProcess(engine, { server, env });
  const { id } = await engine.create(input(LINES));
  const reached = (lines: number) => engine.until(id, ({ request_counts: { completed } }) => completed >= lines);

  await reached(LINES / 4);
  await forget(worker.pid);
  await reached(LINES / 2);
  const early = await peakOf(worker.pid);
  await forget(worker.pid);
  await reached(LINES);
  const late = await peakOf(worker.pid);
  await forget(worker.pid);
  const batch = await engine.ended(id);
  const end = await peakOf(worker.pid);
  process.stdout.write(
    `memory: ${megabytes(early)} in the second quarter of ${LINES} lines, ${megabytes(late)} later, ${megabytes(end)} at the end\n`,
  );

  expect(batch.request_counts).toEqual({ total: LINES, completed: LINES, failed: 0 });
  // The results that came in between are more than that.
  expect(late - early).toBeLessThan(30 * MB);
  // The files are made from blocks of which some wait to be collected: so many as V8 lets wait, however large the files are.
  expect(end - early).toBeLessThan(80 * MB);
});

function megabytes(bytes: number): string {
  return `${Math.round(bytes / MB)} MB`;
}
