import { parameterCount } from '../model/parameters.ts';
import { saveModel } from '../model/model-file.ts';
import { prepareTraining, readSubjects, tinyChatRecipe } from '../training/recipe.ts';
import { startTraining, train, type TrainingProgress } from '../training/train.ts';

export interface TrainCommand {
  /** Where the weights go. */
  readonly out: string;
  readonly conversations?: number;
  readonly seed?: number;
}

const stepsPerReport = 100;

/** Trains the chat model from nothing on the text of the repository. */
export async function runTrain(command: TrainCommand, print: (line: string) => void): Promise<void> {
  const { conversations = tinyChatRecipe.conversations, seed = tinyChatRecipe.seed } = command;
  const { model, options } = prepareTraining({ ...tinyChatRecipe, conversations, seed }, await readSubjects());
  print(`${parameterCount(model.parameters)} parameters, ${options.sequences.length} sequences`);

  const started = performance.now();
  let recent: TrainingProgress[] = [];
  let tokens = 0;
  for (const progress of train(startTraining(model.parameters), options)) {
    recent.push(progress);
    tokens += progress.tokens;
    if (progress.step % stepsPerReport !== 0 && progress.step !== progress.steps) continue;
    const seconds = (performance.now() - started) / 1000;
    print(
      `step ${progress.step}/${progress.steps}  loss ${mean(recent, 'loss').toFixed(3)}  ` +
        `accuracy ${mean(recent, 'accuracy').toFixed(3)}  ${Math.round(tokens / seconds)} tokens/s  ${Math.round(seconds)} s`,
    );
    recent = [];
  }
  await saveModel(command.out, model, 'BF16');
  print(`Wrote ${command.out}`);
}

function mean(items: readonly TrainingProgress[], field: 'loss' | 'accuracy'): number {
  return items.reduce((sum, item) => sum + item[field], 0) / items.length;
}
