import { readFile } from 'node:fs/promises';
import type { ModelConfig } from '../model/config.ts';
import type { LanguageModel } from '../model/model-file.ts';
import { initialParameters } from '../model/parameters.ts';
import { seededRandom } from '../random.ts';
import { learnMerges } from '../tokenizer/learn-merges.ts';
import { createTokenizer } from '../tokenizer/tokenizer.ts';
import { arithmeticLessons } from './arithmetic.ts';
import type { TrainingSequence } from './batch.ts';
import { composeCurriculum, type Subject } from './curriculum.ts';
import { parseLessons } from './lessons.ts';
import { chatSequence, textSequence, truncated } from './sequences.ts';
import type { TrainingOptions } from './train.ts';

/** How the committed weights are made. The same recipe and seed give the same file, bit for bit. */
export interface Recipe {
  readonly model: Omit<ModelConfig, 'vocabularySize'>;
  readonly vocabularySize: number;
  readonly conversations: number;
  readonly tokensPerBatch: number;
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly seed: number;
}

export const tinyChatRecipe: Recipe = {
  model: { width: 96, layers: 3, heads: 4, hiddenWidth: 256, context: 1024 },
  vocabularySize: 1024,
  conversations: 12_500,
  tokensPerBatch: 110,
  learningRate: 0.003,
  weightDecay: 0.02,
  seed: 1,
};

export interface PreparedTraining {
  /** Untrained, with the tokenizer that the curriculum gave. */
  readonly model: LanguageModel;
  readonly options: TrainingOptions;
}

/** The text of the repository as lessons. */
export async function readSubjects(): Promise<Subject[]> {
  const lessons = async (name: string) =>
    parseLessons(await readFile(new URL(`../../data/${name}.txt`, import.meta.url), 'utf8'));
  return [
    { lessons: await lessons('engine'), weight: 6, prose: true },
    { lessons: await lessons('small-talk'), weight: 7, prose: false },
    { lessons: await lessons('names'), weight: 2, prose: false },
    { lessons: await lessons('world'), weight: 3, prose: false },
    { lessons: arithmeticLessons(), weight: 5, prose: false },
  ];
}

export function prepareTraining(recipe: Recipe, subjects: readonly Subject[]): PreparedTraining {
  const { conversations, texts } = composeCurriculum(subjects, recipe);
  const allTexts = [...conversations.flatMap((messages) => messages.map((message) => message.content)), ...texts];
  const tokenizer = createTokenizer(learnMerges(allTexts, recipe.vocabularySize));
  const config = { ...recipe.model, vocabularySize: tokenizer.vocabularySize };
  const sequences: TrainingSequence[] = [
    ...conversations.map((messages) => chatSequence(tokenizer, messages)),
    ...texts.map((text) => textSequence(tokenizer, text)),
  ].map((sequence) => truncated(sequence, config.context));
  return {
    model: { config, tokenizer, parameters: initialParameters(config, seededRandom(recipe.seed)) },
    options: {
      config,
      sequences,
      epochs: 1,
      tokensPerBatch: recipe.tokensPerBatch,
      learningRate: recipe.learningRate,
      weightDecay: recipe.weightDecay,
      seed: recipe.seed,
    },
  };
}
