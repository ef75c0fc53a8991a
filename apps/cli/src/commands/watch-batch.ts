import { followBatch } from '../client/follow-batch.ts';
import type { BatchesClient } from '../client/batches-client.ts';
import type { FilesClient } from '../client/files-client.ts';
import type { WireBatch } from '../client/wire-batches.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { batchEndLine, wrongLines } from '../output/batch-lines.ts';
import { BatchView } from '../output/batch-view.ts';
import type { Terminal } from '../output/terminal.ts';
import { resultArguments, saveResults } from './batch-results.ts';
import type { ResultPlaces } from './batch-results.ts';

interface WatchOptions {
  readonly batches: BatchesClient;
  readonly files: FilesClient;
  readonly terminal: Terminal;
  readonly places: ResultPlaces;
  /** Whose lines are wrong, should they be. */
  readonly inputName: string;
  readonly json: boolean;
  /** Ends the watching, not the batch. */
  readonly stop: AbortSignal;
}

/** Shows a batch until its end, also over lost connections, and brings its results. */
export async function watchBatch(batch: WireBatch, options: WatchOptions): Promise<ExitCode> {
  const { batches, terminal, places, stop } = options;
  const signal = AbortSignal.any([stop, terminal.readerGone]);
  const remark = (text: string) => terminal.note(terminal.paintNote.dim(text));
  const patience = {
    signal,
    onLost: () => remark('The engine does not answer; asking again until it does. The batch is safe.'),
    onBack: () => remark('The engine answers again.'),
  };
  const view = new BatchView(terminal);
  try {
    let latest = batch;
    for await (latest of followBatch(batches, batch, patience)) view.show(latest);
    tellEnd(latest, options);
    await saveResults(latest, places, { ...options, patience });
    return exitCodeOf(latest);
  } catch (error) {
    view.clear();
    if (terminal.readerGone.aborted) return EXIT.ok;
    if (!stop.aborted) throw error;
    const again = `llm-engine batches watch ${batch.id} ${resultArguments(places)}`.trimEnd();
    terminal.note(`Stopped watching; the batch goes on. Watch it again with: ${again}`);
    return EXIT.interrupted;
  }
}

function tellEnd(batch: WireBatch, { terminal, inputName, json }: WatchOptions): void {
  if (json) return terminal.json(batch);
  const most = terminal.showsStatus ? undefined : Infinity;
  terminal.note(...wrongLines(batch, inputName, terminal.paintNote, most));
  terminal.note(batchEndLine(batch, terminal.paintNote));
}

function exitCodeOf({ status, request_counts: { failed } }: WireBatch): ExitCode {
  if (status !== 'completed') return EXIT.failed;
  return failed === 0 ? EXIT.ok : EXIT.partial;
}
