import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError } from '@llm-engine/contracts';
import type { BatchError, ModelInfo } from '@llm-engine/contracts';
import type { BatchRow, BatchTable, ObjectStore } from '@llm-engine/storage';
import { fileObject } from '@llm-engine/storage';
import type { OnBatchEvent } from '@llm-engine/contracts';
import { validateBatchFile } from './input/validate.ts';
import type { BatchFileLimits } from './input/validate.ts';

export interface ValidateTools {
  readonly batches: BatchTable;
  readonly objects: Pick<ObjectStore, 'read'>;
  /** Throws `model_not_found`. */
  readonly requireModel: (id: string) => Promise<ModelInfo>;
  readonly onEvent: OnBatchEvent;
  readonly limits?: Partial<BatchFileLimits>;
}

/** Models are announced every five seconds: after Redis was flushed, one that is missing may be there a little later. */
const MODEL_LOOKS = 4;
const MODEL_LOOK_MS = 2_000;

/**
 * Reads the input of a new batch. Either everything is right, and the batch that is resolved with has its chunks; or it has
 * failed, with every bad line, and nothing of it runs.
 */
export async function validateBatch(
  batchId: string,
  signal: AbortSignal,
  { batches, objects, requireModel, onEvent, limits = {} }: ValidateTools,
): Promise<BatchRow | undefined> {
  const batch = await batches.get(batchId);
  if (batch?.status !== 'validating') return undefined;
  const startedAt = Date.now();
  const source = await objects.read(fileObject(batch.inputFileId));
  const file = await validateBatchFile(source, { endpoint: batch.endpoint, limits, signal });
  const refuse = async (errors: readonly BatchError[]): Promise<undefined> => {
    if (!(await batches.fail(batchId, { errors, total: file.total }, new Date()))) return;
    onEvent({ type: 'refused', batchId, errors: errors.length, runMs: Date.now() - startedAt });
  };
  if (file.model === null || file.errors.length > 0) return refuse(file.errors);
  const found = await findModel(file.model, signal, requireModel);
  if (found instanceof EngineError) return refuse([onLine(found, file.modelLine)]);
  const unsuited = whyUnsuited(found, batch);
  if (unsuited !== undefined) return refuse([onLine(unsuited, file.modelLine)]);

  const { total, chunks } = file;
  if (!(await batches.start(batchId, { model: found.id, pool: found.pool, total, chunks }, new Date())))
    return undefined;
  const runMs = Date.now() - startedAt;
  onEvent({ type: 'validated', batchId, model: found.id, lines: total, chunks: chunks.length, runMs });
  return batches.get(batchId);
}

async function findModel(
  id: string,
  signal: AbortSignal,
  requireModel: ValidateTools['requireModel'],
): Promise<ModelInfo | EngineError> {
  for (let look = 1; ; look += 1) {
    try {
      return await requireModel(id);
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== 'model_not_found') throw error;
      if (look === MODEL_LOOKS) return error;
      await sleep(MODEL_LOOK_MS, undefined, { signal });
    }
  }
}

function whyUnsuited(model: ModelInfo, { endpoint }: BatchRow): EngineError | undefined {
  if (model.endpoints.includes(endpoint)) return undefined;
  return new EngineError(
    'invalid_request',
    `The model '${model.id}' does not answer ${endpoint}, only ${model.endpoints.join(', ')}.`,
  );
}

function onLine({ code, message }: EngineError, line: number | null): BatchError {
  return { code, message, param: 'body.model', line };
}
