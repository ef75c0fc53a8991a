import type { BatchEnd } from './openai/batches.ts';

/** Tokens that lines used, as their model server counted them. */
export interface LineTokens {
  readonly input: number;
  /** Of the input, those that came from a cache. */
  readonly cached: number;
  readonly output: number;
  /** Of the output, those that nobody sees. */
  readonly reasoning: number;
}

/** What happens to batches, once for each transition. Logs and metrics are made of these and of nothing else. */
export type BatchEvent =
  | {
      readonly type: 'validated';
      readonly batchId: string;
      readonly model: string;
      readonly lines: number;
      readonly chunks: number;
      readonly runMs: number;
    }
  | { readonly type: 'refused'; readonly batchId: string; readonly errors: number; readonly runMs: number }
  | (ChunkRef & { readonly type: 'chunk-started'; readonly epoch: number; readonly linesLeft: number })
  | (ChunkRef & {
      readonly type: 'lines-ended';
      readonly completed: number;
      readonly failed: number;
      readonly tokens: LineTokens;
    })
  | (ChunkRef & { readonly type: 'chunk-sealed'; readonly runMs: number })
  | (ChunkRef & { readonly type: 'chunk-left'; readonly reason: string })
  | { readonly type: 'ended'; readonly batchId: string; readonly status: BatchEnd; readonly runMs: number }
  | {
      readonly type: 'group-ended';
      readonly groupId: string;
      readonly state: 'completed' | 'cancelled';
      readonly jobs: number;
      /** From its submission. */
      readonly runMs: number;
    }
  | {
      readonly type: 'webhook';
      readonly eventId: string;
      /** What the webhook was told of, such as `batch.completed`, and of which batch or group. */
      readonly event: string;
      readonly subject: string;
      readonly outcome: WebhookOutcome;
      /** From 1. */
      readonly attempt: number;
      readonly runMs: number;
      /** Of an attempt that failed. */
      readonly error?: string;
    }
  | { readonly type: 'trouble'; readonly source: string; readonly error: Error };

/** How an attempt to tell the webhook ended; `postponed` ones are made again. */
export const WEBHOOK_OUTCOMES = ['delivered', 'postponed', 'given-up'] as const;
export type WebhookOutcome = (typeof WEBHOOK_OUTCOMES)[number];

interface ChunkRef {
  readonly batchId: string;
  readonly chunk: number;
  readonly model: string;
}

export type OnBatchEvent = (event: BatchEvent) => void;
