import { expect, test } from 'vitest';
import { TestBatches } from '../support/batches.ts';
import { batchProcess, idsOf, idsWhere, markedLines } from '../support/batch-workers.ts';

const MODEL = `
mock: { allowCrash: true }
models:
  m: { executor: mock }
`;
const LINES = 202;
const POISON = 3;

test('a line that kills every worker that runs it is given up, and all others complete, whichever ran beside it', async () => {
  await using engine = await TestBatches.start();
  // The second chunk holds lines that no worker lives long enough to answer while the poison is in another one.
  const script = (index: number) =>
    index === POISON ? { case: 'crash' } : { case: 'slow', ms: index < 200 ? 0 : 1_500 };
  const { id } = await engine.create(markedLines(LINES, (index) => ({ mock: script(index) })));
  let workers = 0;
  const done = new AbortController();
  const end = engine.ended(id).finally(() => done.abort());
  const supervise = async (): Promise<void> => {
    while (!done.signal.aborted) {
      await using worker = await batchProcess(engine, { config: MODEL });
      workers += 1;
      await Promise.race([worker.ended(), end]);
    }
  };

  const [batch] = await Promise.all([end, supervise()]);

  expect(batch).toMatchObject({ status: 'completed', request_counts: { completed: LINES - 1, failed: 1 } });
  expect(await engine.lines(batch.error_file_id)).toMatchObject([
    { custom_id: `line-${POISON}`, response: null, error: { code: 'worker_crashed' } },
  ]);
  expect(idsOf(await engine.lines(batch.output_file_id))).toEqual(idsWhere(LINES, (index) => index !== POISON));
  expect(workers).toBeLessThan(25);
}, 120_000);
