import type { ModelConfig } from '../model/config.ts';
import { zerosLike, type Parameters } from '../model/parameters.ts';
import { createRotation } from '../model/rotary.ts';
import { createAdamW, updateParameters, type AdamWState } from './adamw.ts';
import { backpropagate } from './backward.ts';
import { packBatch, type TrainingSequence } from './batch.ts';
import type { Loss } from './loss.ts';
import { learningRateAt, planBatches, type ScheduleOptions } from './schedule.ts';

export interface TrainingOptions extends ScheduleOptions {
  readonly config: ModelConfig;
  readonly sequences: readonly TrainingSequence[];
  readonly learningRate: number;
  readonly weightDecay: number;
}

/** Where a run stands. Whoever keeps these keeps a checkpoint. */
export interface TrainingState {
  /** Steps done. */
  readonly step: number;
  /** Changed in place as the run goes on. */
  readonly parameters: Parameters;
  readonly optimizer: AdamWState;
}

export interface TrainingProgress extends Loss {
  readonly step: number;
  readonly steps: number;
  readonly learningRate: number;
  readonly tokens: number;
}

export function startTraining(parameters: Parameters): TrainingState {
  return { step: 0, parameters, optimizer: createAdamW(parameters) };
}

/** Runs the steps that are left, one for each value it yields. The same options and state give the same bits. */
export function* train(state: TrainingState, options: TrainingOptions): Generator<TrainingProgress, void> {
  const { config, sequences } = options;
  const model = { config, rotation: createRotation(config) };
  const gradients = zerosLike(state.parameters);
  const plan = planBatches(sequences, options);
  for (let step = state.step + 1; step <= plan.length; step++) {
    const indices = plan[step - 1] ?? [];
    const batch = packBatch(indices.map((index) => sequences[index] as TrainingSequence));
    const learningRate = learningRateAt(step, { peak: options.learningRate, steps: plan.length });
    const loss = backpropagate(state.parameters, batch, { ...model, gradients });
    updateParameters(state.parameters, gradients, {
      ...state.optimizer,
      step,
      learningRate,
      weightDecay: options.weightDecay,
      maxGradientNorm: 1,
    });
    yield { step, steps: plan.length, learningRate, tokens: batch.tokens.length, ...loss };
  }
}
