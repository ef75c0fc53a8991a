import type { ModelExecutor, RunEvent, RunStatus } from '@llm-engine/executors';
import type { RunJobTools } from '../run-job.ts';
import { Quarantine } from '../quarantine.ts';

/** An executor that does what the test says, and nothing else. */
export function scriptedExecutor(script: Partial<ModelExecutor>): ModelExecutor {
  const unexpected = (): never => {
    throw new Error('The script has no such part.');
  };
  return {
    name: 'scripted',
    models: unexpected,
    infer: unexpected,
    fineTune: unexpected,
    getJobStatus: unexpected,
    watchJob: unexpected,
    cancelJob: unexpected,
    healthCheck: unexpected,
    [Symbol.asyncDispose]: () => Promise.resolve(),
    ...script,
  };
}

/** Tools of a worker that runs the model `m` on that executor. */
export function toolsWith(script: Partial<ModelExecutor>, overrides: Partial<RunJobTools> = {}): RunJobTools {
  const executor = scriptedExecutor(script);
  const model = {
    id: 'm',
    executor: 'scripted',
    pool: 'default',
    endpoints: [],
    trainable: true,
    ownedBy: 'test',
    created: 0,
  };
  return {
    executors: { resolve: (id) => (id === 'm' ? { executor, model } : undefined) },
    quarantine: new Quarantine(),
    onChunkGap: () => undefined,
    onTrouble: () => undefined,
    limits: {
      inference: { timeoutMs: 600_000, suspectAfter: 2 },
      'fine-tune': { timeoutMs: 86_400_000, suspectAfter: 20 },
    },
    ...overrides,
  };
}

/** Rejects as an executor does whose call is aborted; never ends before. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const give = (): void => reject(new DOMException('aborted', 'AbortError'));
  if (signal.aborted) give();
  signal.addEventListener('abort', give, { once: true });
  return promise;
}

function runStatus(overrides: Partial<RunStatus> = {}): RunStatus {
  return { id: 'run-1', state: 'running', progress: 0, step: 0, totalSteps: 3, ...overrides };
}

export function runEvent(seq: number, status: Partial<RunStatus> = {}): RunEvent {
  return { seq, at: seq, type: 'status', status: runStatus(status), message: `event ${seq}` };
}
