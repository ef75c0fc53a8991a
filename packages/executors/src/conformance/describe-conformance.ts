import { describe } from 'vitest';
import { describeEnds, describeHealth, describeInference } from './inference.ts';
import type { StartSubject, TrainingSubject } from './subject.ts';
import { describeNoTraining, describeTraining } from './training.ts';

/** What an executor has to do that serves models, whatever is behind it. */
export function describeServingExecutor(name: string, start: StartSubject): void {
  describe(`${name} is a ModelExecutor that serves`, () => {
    describeServing(start);
    describeNoTraining(start);
  });
}

/** What an executor has to do that serves models and trains them. */
export function describeTrainingExecutor(name: string, start: StartSubject<TrainingSubject>): void {
  describe(`${name} is a ModelExecutor that serves and trains`, () => {
    describeServing(start);
    describeTraining(start);
  });
}

function describeServing(start: StartSubject): void {
  describeInference(start);
  describeEnds(start);
  describeHealth(start);
}
