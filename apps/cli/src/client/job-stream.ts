import { EventSourceParserStream } from 'eventsource-parser/stream';
import type { EventSourceMessage } from 'eventsource-parser/stream';
import { z } from 'zod';
import { CommandError } from '../command-error.ts';
import { refusal, send, unreachable } from './http.ts';
import type { Server } from './http.ts';
import { wireError, wireJob } from './wire.ts';
import type { WireJob } from './wire.ts';

/** What a reader sees of a job. */
export type JobEvent =
  | { readonly type: 'chunk'; readonly seq: number; readonly data: string }
  /** The job runs again from its start: what came before belongs to a run that did not finish. */
  | { readonly type: 'restart'; readonly run: number }
  /** Chunks that are no longer kept. */
  | { readonly type: 'gap'; readonly missed: number }
  | { readonly type: 'end'; readonly job: WireJob };

/** What one connection to a stream tells: first that it is there. */
export type JobStreamEvent = { readonly type: 'open' } | JobEvent;

const restart = z.object({ run: z.number() });
const gap = z.object({ missed: z.number() });

/** Errors of a stream after which another connection may go on: the server stops, or its Redis is away. */
const PASSING: ReadonlySet<string> = new Set(['shutting_down', 'queue_unavailable']);

/**
 * Events of one connection. Returns when the connection ends or breaks, with or without the job's end;
 * rejects when the server cannot be reached or refuses.
 */
export async function* openJobStream(
  server: Server,
  path: string,
  { after, signal }: { readonly after: number; readonly signal: AbortSignal },
): AsyncGenerator<JobStreamEvent> {
  const headers = { accept: 'text/event-stream', ...(after > 0 && { 'last-event-id': String(after) }) };
  const response = await send(server, { path, headers, signal });
  if (!response.ok || response.body === null) throw await refusal(server, response);
  yield { type: 'open' };
  const messages = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  try {
    for await (const message of messages) {
      const event = parseMessage(server, message);
      if (event === 'connection ends') return;
      if (event !== undefined) yield event;
    }
  } catch (error) {
    signal.throwIfAborted();
    // The connection broke: to the reader it is the same as one that ended.
    if (error instanceof CommandError) throw error;
  }
}

function parseMessage(
  server: Server,
  { event, id, data }: EventSourceMessage,
): JobEvent | 'connection ends' | undefined {
  switch (event ?? 'message') {
    case 'chunk':
      return { type: 'chunk', seq: Number(id), data };
    case 'restart':
      return { type: 'restart', ...parseData(server, data, restart) };
    case 'gap':
      return { type: 'gap', ...parseData(server, data, gap) };
    case 'end':
      return { type: 'end', job: parseData(server, data, wireJob) };
    case 'error': {
      const { error } = parseData(server, data, wireError);
      if (PASSING.has(error.code ?? '')) return 'connection ends';
      throw new CommandError(error.code ?? 'stream_failed', error.message);
    }
  }
  // An event that a newer engine sends and that we have no use for.
  return undefined;
}

function parseData<T>(server: Server, data: string, schema: z.ZodType<T>): T {
  try {
    return schema.parse(JSON.parse(data));
  } catch (error) {
    throw unreachable(server, error);
  }
}
