import type { ModelConfig } from '../model/config.ts';
import { add } from '../model/operations.ts';
import { embedding, finalNorm, layerNames, weight, type Parameters } from '../model/parameters.ts';
import { rotateRow, type Rotation } from '../model/rotary.ts';
import type { Batch } from './batch.ts';
import { forward, type LayerActivations } from './forward.ts';
import { attendGradient, gatedGradient, linearGradient, rmsNormGradient } from './gradients.ts';
import { crossEntropy, type Loss } from './loss.ts';

interface Model {
  readonly config: ModelConfig;
  readonly rotation: Rotation;
}

/** The loss of a batch. */
export function evaluate(parameters: Parameters, batch: Batch, model: Model): Loss {
  const { final } = forward(parameters, batch, model);
  const { loss, accuracy } = crossEntropy(parameters, batch, { final });
  return { loss, accuracy };
}

/** The loss of a batch; adds its gradient by every parameter to `gradients`. */
export function backpropagate(
  parameters: Parameters,
  batch: Batch,
  { gradients, ...model }: Model & { readonly gradients: Parameters },
): Loss {
  const { config } = model;
  const activations = forward(parameters, batch, model);
  const { loss, accuracy, finalGradient } = crossEntropy(parameters, batch, { final: activations.final, gradients });

  let gradient: Float32Array = new Float32Array(finalGradient.length);
  rmsNormGradient({
    input: activations.lastOutput,
    gain: weight(parameters, finalNorm),
    outputGradient: finalGradient,
    gainGradient: weight(gradients, finalNorm),
    inputGradient: gradient,
  });
  for (let layer = config.layers - 1; layer >= 0; layer--) {
    const step = { parameters, gradients, batch, model, layer, kept: activations.layers[layer] as LayerActivations };
    gradient = attentionBackward(feedForwardBackward(gradient, step), step);
  }
  embeddingGradient(weight(gradients, embedding), batch.tokens, gradient);
  return { loss, accuracy };
}

interface LayerStep {
  readonly parameters: Parameters;
  readonly gradients: Parameters;
  readonly batch: Batch;
  readonly model: Model;
  readonly layer: number;
  readonly kept: LayerActivations;
}

/** From the gradient by the layer's output to that by the middle of the residual stream. */
function feedForwardBackward(outputGradient: Float32Array, step: LayerStep): Float32Array {
  const { parameters, gradients, kept } = step;
  const names = layerNames(step.layer);
  const rows = step.batch.tokens.length;
  const through = (name: string, input: Float32Array, outputGradient: Float32Array, inputGradient: Float32Array) =>
    linearGradient({
      input,
      matrix: weight(parameters, name),
      outputGradient,
      matrixGradient: weight(gradients, name),
      inputGradient,
      rows,
    });

  const hiddenGradient = new Float32Array(kept.hidden.length);
  through(names.down, kept.hidden, outputGradient, hiddenGradient);
  const { gateGradient, upGradient } = gatedGradient(kept.gate, kept.up, hiddenGradient);
  const normGradient = new Float32Array(kept.middle.length);
  through(names.gate, kept.feedForwardInput, gateGradient, normGradient);
  through(names.up, kept.feedForwardInput, upGradient, normGradient);

  const middleGradient = outputGradient.slice();
  rmsNormGradient({
    input: kept.middle,
    gain: weight(parameters, names.feedForwardNorm),
    outputGradient: normGradient,
    gainGradient: weight(gradients, names.feedForwardNorm),
    inputGradient: middleGradient,
  });
  return middleGradient;
}

/** From the gradient by the middle of the residual stream to that by the layer's input. */
function attentionBackward(middleGradient: Float32Array, step: LayerStep): Float32Array {
  const { parameters, gradients, batch, kept, model } = step;
  const names = layerNames(step.layer);
  const rows = batch.tokens.length;
  const { width, heads } = model.config;
  const through = (name: string, input: Float32Array, outputGradient: Float32Array, inputGradient: Float32Array) =>
    linearGradient({
      input,
      matrix: weight(parameters, name),
      outputGradient,
      matrixGradient: weight(gradients, name),
      inputGradient,
      rows,
    });

  const attendedGradient = new Float32Array(kept.attended.length);
  through(names.output, kept.attended, middleGradient, attendedGradient);

  const queryGradient = new Float32Array(rows * width);
  const keyGradient = new Float32Array(rows * width);
  const valueGradient = new Float32Array(rows * width);
  const scratch = new Float64Array(batch.longest);
  for (let row = 0; row < rows; row++) {
    const firstKey = batch.starts[row] as number;
    attendGradient({
      heads,
      width,
      row,
      firstKey,
      count: row - firstKey + 1,
      probabilities: kept.probabilities,
      probabilitiesAt: row * batch.longest * heads,
      queries: kept.queries,
      keys: kept.keys,
      values: kept.values,
      outputGradient: attendedGradient,
      queryGradient,
      keyGradient,
      valueGradient,
      scratch,
    });
  }
  for (let row = 0; row < rows; row++) {
    const position = row - (batch.starts[row] as number);
    rotateRow(queryGradient, model.rotation, { row, position, direction: -1 });
    rotateRow(keyGradient, model.rotation, { row, position, direction: -1 });
  }

  const normGradient = new Float32Array(rows * width);
  through(names.query, kept.attentionInput, queryGradient, normGradient);
  through(names.key, kept.attentionInput, keyGradient, normGradient);
  through(names.value, kept.attentionInput, valueGradient, normGradient);

  const inputGradient = new Float32Array(rows * width);
  rmsNormGradient({
    input: kept.input,
    gain: weight(parameters, names.attentionNorm),
    outputGradient: normGradient,
    gainGradient: weight(gradients, names.attentionNorm),
    inputGradient,
  });
  add(inputGradient, middleGradient);
  return inputGradient;
}

function embeddingGradient(table: Float32Array, tokens: Int32Array, gradient: Float32Array): void {
  const width = gradient.length / tokens.length;
  for (let row = 0; row < tokens.length; row++) {
    const at = (tokens[row] as number) * width;
    for (let i = 0; i < width; i++) {
      table[at + i] = (table[at + i] as number) + (gradient[row * width + i] as number);
    }
  }
}
