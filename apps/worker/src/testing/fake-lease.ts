import { modelOf } from '@llm-engine/contracts';
import type {
  FineTunePayload,
  InferencePayload,
  JobPayload,
  JobRecord,
  JobRef,
  StopReason,
} from '@llm-engine/contracts';
import type { RunLease } from '../run-job.ts';

interface FakeLeaseOptions {
  readonly id?: string;
  readonly payload?: JobPayload;
  readonly crashes?: number;
  /** Workers that died while the job was in quarantine. */
  readonly deaths?: number;
  readonly ended?: JobRecord['state'];
}

/** A lease without a queue: the test is the one who stops the run, and sees what was done with it. */
export class FakeLease implements RunLease {
  readonly id: string;
  readonly payload: JobPayload;
  readonly ref: JobRef;
  readonly crashes: number;
  readonly chunks: string[] = [];
  /** Limits in force, in milliseconds. */
  readonly deadlines = new Set<number>();
  inQuarantine = false;
  readonly #controller = new AbortController();
  readonly #deaths: number;
  readonly #ended: JobRecord['state'] | undefined;

  constructor({ id = 'job-1', payload = inference(), crashes = 0, deaths = 0, ended }: FakeLeaseOptions = {}) {
    this.id = id;
    this.payload = payload;
    this.crashes = crashes;
    this.#deaths = deaths;
    this.#ended = ended;
    this.ref = { jobId: id, kind: payload.kind, queue: 'q', model: modelOf(payload) };
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  stop(reason: StopReason): void {
    this.#controller.abort(reason);
  }

  async earlierEnd(): Promise<JobRecord | undefined> {
    const state = this.#ended;
    if (state === undefined) return undefined;
    const times = { createdAt: 1, finishedAt: 2 };
    const { kind, queue, model } = this.ref;
    return {
      id: this.id,
      kind,
      queue,
      model,
      state,
      ...times,
      priority: 'standard',
      owner: 'o',
      metadata: {},
      attempts: 1,
      maxAttempts: 3,
    };
  }

  async enterQuarantine(): Promise<number> {
    this.inQuarantine = true;
    return this.#deaths;
  }

  async leaveQuarantine(): Promise<void> {
    this.inQuarantine = false;
  }

  deadline(timeoutMs: number): Disposable {
    this.deadlines.add(timeoutMs);
    return { [Symbol.dispose]: () => this.deadlines.delete(timeoutMs) };
  }

  readonly publish = (chunk: string): void => {
    this.chunks.push(chunk);
  };
}

export function inference(overrides: Partial<InferencePayload> = {}): InferencePayload {
  return {
    kind: 'inference',
    endpoint: '/v1/chat/completions',
    body: { model: 'm', messages: [{ role: 'user', content: 'Hi' }] },
    priority: 'standard',
    owner: 'o',
    ...overrides,
  };
}

export function fineTune(overrides: Partial<FineTunePayload> = {}): FineTunePayload {
  return {
    kind: 'fine-tune',
    request: { model: 'm', dataset: 'data.jsonl' },
    priority: 'standard',
    owner: 'o',
    ...overrides,
  };
}
