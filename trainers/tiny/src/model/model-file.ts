import { readFile, rename, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { createTokenizer, type Tokenizer } from '../tokenizer/tokenizer.ts';
import type { Merge } from '../tokenizer/vocabulary.ts';
import { parseModelConfig, type ModelConfig } from './config.ts';
import { parameterShapes, type Parameters } from './parameters.ts';
import { decodeTensors, encodeTensors, type Precision } from './safetensors.ts';

/** All that it takes to run a model. In a file: the weights, with the config and the tokenizer as metadata. */
export interface LanguageModel {
  readonly config: ModelConfig;
  readonly tokenizer: Tokenizer;
  readonly parameters: Parameters;
}

/** The model that the repository holds. The path is the same from the sources and from the build. */
export const defaultWeights = fileURLToPath(new URL('../../weights/tiny-chat.safetensors', import.meta.url));

export async function loadModel(path: string): Promise<LanguageModel> {
  try {
    return decodeModel(await readFile(path));
  } catch (cause) {
    throw new Error(`No model could be read from ${path}. Name a file that "train" wrote.`, { cause });
  }
}

/** The file appears whole or not at all. */
export async function saveModel(path: string, model: LanguageModel, precision: Precision): Promise<void> {
  await writeFile(`${path}.part`, encodeModel(model, precision));
  await rename(`${path}.part`, path);
}

export function encodeModel({ config, tokenizer, parameters }: LanguageModel, precision: Precision): Uint8Array {
  const metadata = { config: JSON.stringify(config), merges: JSON.stringify(tokenizer.merges) };
  return encodeTensors({ tensors: parameters, metadata }, precision);
}

export function decodeModel(bytes: Uint8Array): LanguageModel {
  const { tensors, metadata } = decodeTensors(bytes);
  const config = parseModelConfig(JSON.parse(metadata['config'] ?? 'null'));
  const tokenizer = createTokenizer(parseMerges(JSON.parse(metadata['merges'] ?? 'null')));
  if (tokenizer.vocabularySize !== config.vocabularySize) {
    throw new Error(`The tokenizer has ${tokenizer.vocabularySize} tokens, the model ${config.vocabularySize}.`);
  }
  for (const [name, shape] of parameterShapes(config)) {
    const found = tensors.get(name)?.shape;
    if (found?.join() !== shape.join())
      throw new Error(`"${name}" should be [${shape.join()}]; it is [${found?.join()}].`);
  }
  return { config, tokenizer, parameters: tensors };
}

function parseMerges(value: unknown): Merge[] {
  const isToken = (item: unknown) => Number.isInteger(item);
  const isMerge = (item: unknown): item is Merge => Array.isArray(item) && item.length === 2 && item.every(isToken);
  if (!Array.isArray(value) || !value.every(isMerge)) throw new Error('The merges are not a list of pairs of tokens.');
  return value;
}
