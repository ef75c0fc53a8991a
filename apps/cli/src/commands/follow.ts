import { followJob } from '../client/follow-job.ts';
import type { JobEvent } from '../client/job-stream.ts';
import type { JobsClient } from '../client/jobs-client.ts';
import type { WireJob } from '../client/wire.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { textOfChunk, textOfResult } from '../output/answer-text.ts';
import { endLine } from '../output/job-lines.ts';
import type { Terminal } from '../output/terminal.ts';

interface FollowOptions {
  readonly client: JobsClient;
  readonly terminal: Terminal;
  /** `text`: tokens as they come. `events`: each event as a line of JSON. `job`: the job as JSON when it has ended. */
  readonly show: 'text' | 'events' | 'job';
}

/** Follows a job to its end, also over lost connections. Ctrl-C stops the following, not the job. */
export async function follow(id: string, { client, terminal, show }: FollowOptions): Promise<ExitCode> {
  const interrupt = new AbortController();
  const onInterrupt = () => interrupt.abort();
  process.once('SIGINT', onInterrupt);
  const signal = AbortSignal.any([interrupt.signal, terminal.readerGone]);
  const onLost = () => terminal.note(terminal.paintNote.dim('The connection was lost; connecting again.'));
  const view = VIEWS[show](terminal);
  try {
    for await (const event of followJob(client, id, { signal, onLost })) {
      view(event);
      if (event.type === 'end') return event.job.state === 'succeeded' ? EXIT.ok : EXIT.failed;
    }
    return EXIT.failed;
  } catch (error) {
    if (terminal.readerGone.aborted) return EXIT.ok;
    if (!interrupt.signal.aborted) throw error;
    terminal.note('', `Stopped watching; the job goes on. Look again with: llm-engine watch ${id}`);
    return EXIT.interrupted;
  } finally {
    process.off('SIGINT', onInterrupt);
  }
}

type View = (event: JobEvent) => void;

const VIEWS: Readonly<Record<FollowOptions['show'], (terminal: Terminal) => View>> = {
  text: textView,
  events: (terminal) => (event) =>
    terminal.json(event.type === 'chunk' ? { ...event, data: dataOf(event.data) } : event),
  job: (terminal) => (event) => {
    if (event.type === 'end') terminal.json(event.job);
  },
};

/** Tokens on standard output, and what happens to the job beside them. */
function textView(terminal: Terminal): View {
  let last = '';
  const remark = (text: string) => terminal.note(terminal.paintNote.dim(text));
  const write = (text: string) => {
    if (text === '') return;
    terminal.write(text);
    last = text;
  };
  const endOfLine = () => {
    if (last !== '' && !last.endsWith('\n')) write('\n');
  };
  return (event) => {
    switch (event.type) {
      case 'chunk':
        write(textOfChunk(event.data));
        break;
      case 'restart':
        endOfLine();
        remark('The job lost its worker and runs again from its start.');
        break;
      case 'gap':
        endOfLine();
        remark(`${event.missed} chunks are no longer kept.`);
        break;
      case 'end':
        if (last === '') write(answerOf(event.job));
        endOfLine();
        terminal.note(endLine(event.job, terminal.paintNote));
    }
  };
}

function answerOf({ result }: WireJob): string {
  return result === undefined ? '' : textOfResult(result);
}

/** As JSON inside of JSON, where it is JSON. */
function dataOf(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return data;
  }
}
