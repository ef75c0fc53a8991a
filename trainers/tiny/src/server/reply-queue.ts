import type { WorkerReply } from '../inference/messages.ts';

type RequestReply = Exclude<WorkerReply, { kind: 'ready' }>;

/** Replies to one request, between the thread that sends them and the loop that reads them. */
export interface ReplyQueue {
  push(reply: RequestReply): void;
  /** Reading fails from now on, whatever is still queued. */
  fail(reason: unknown): void;
  next(): Promise<RequestReply>;
}

export function createReplyQueue(): ReplyQueue {
  const queued: RequestReply[] = [];
  let failure: { readonly reason: unknown } | undefined;
  let wake: (() => void) | undefined;
  return {
    push: (reply) => {
      queued.push(reply);
      wake?.();
    },
    fail: (reason) => {
      failure ??= { reason };
      wake?.();
    },
    next: async () => {
      for (;;) {
        if (failure) throw failure.reason;
        const reply = queued.shift();
        if (reply) return reply;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
