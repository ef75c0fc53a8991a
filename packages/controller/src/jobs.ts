import type { FineTuneRequest, FineTuneSubmission, InferenceSubmission, JobSubmission } from '@llm-engine/contracts';

/** How a job is queued; every field may be left out. */
export type JobSettings = Pick<
  InferenceSubmission,
  'priority' | 'delayMs' | 'timeoutMs' | 'maxAttempts' | 'metadata' | 'idempotencyKey'
>;

/** One request to a model: `body` is what OpenAI's API takes at `endpoint`. */
export type InferenceJob = Omit<InferenceSubmission, 'kind'>;

/** One training run. */
export interface FineTuneJob
  extends JobSettings, Pick<FineTuneRequest, 'suffix' | 'seed' | 'method' | 'hyperparameters'> {
  /** Name of the model to start from. */
  readonly baseModel: string;
  /** Where the training data lies, as the executor can read it. */
  readonly datasetPath: string;
  /** Where the trained model goes. */
  readonly outputPath?: string;
  readonly validationDatasetPath?: string;
}

/** One job of many. */
export type BatchJob = ({ readonly kind: 'inference' } & InferenceJob) | ({ readonly kind: 'fine-tune' } & FineTuneJob);

/** A job of either kind as the queue takes it. */
export function submissionOf(job: BatchJob): JobSubmission {
  return job.kind === 'inference' ? job : fineTuneSubmission(job);
}

/** A training run as the queue takes it. */
export function fineTuneSubmission(job: FineTuneJob): FineTuneSubmission {
  const { baseModel, datasetPath, outputPath, validationDatasetPath, ...rest } = job;
  return {
    ...rest,
    kind: 'fine-tune',
    model: baseModel,
    dataset: datasetPath,
    ...(outputPath !== undefined && { output: outputPath }),
    ...(validationDatasetPath !== undefined && { validationDataset: validationDatasetPath }),
  };
}
