import { attend } from '../model/attention.ts';
import type { ModelConfig } from '../model/config.ts';
import { add, embed, gated, linear, rmsNorm } from '../model/operations.ts';
import { embedding, finalNorm, layerNames, weight, type Parameters } from '../model/parameters.ts';
import { rotateRow, type Rotation } from '../model/rotary.ts';
import type { Batch } from './batch.ts';

/** What the backward pass needs of one layer. All are [rows, .]. */
export interface LayerActivations {
  readonly input: Float32Array;
  readonly attentionInput: Float32Array;
  /** Turned by position. */
  readonly queries: Float32Array;
  readonly keys: Float32Array;
  readonly values: Float32Array;
  /** [rows, longest, heads]: each row fills [heads, tokens it sees] from its start. */
  readonly probabilities: Float32Array;
  readonly attended: Float32Array;
  readonly middle: Float32Array;
  readonly feedForwardInput: Float32Array;
  readonly gate: Float32Array;
  readonly up: Float32Array;
  readonly hidden: Float32Array;
}

export interface Activations {
  readonly layers: readonly LayerActivations[];
  readonly lastOutput: Float32Array;
  /** After the final norm: what the output head reads. */
  readonly final: Float32Array;
}

/** Runs a whole batch at once and keeps every intermediate. Inference has a leaner pass of its own, over the same operations. */
export function forward(
  parameters: Parameters,
  batch: Batch,
  { config, rotation }: { readonly config: ModelConfig; readonly rotation: Rotation },
): Activations {
  const { width, heads } = config;
  const rows = batch.tokens.length;
  const layers: LayerActivations[] = [];
  let input = embed(batch.tokens, weight(parameters, embedding), width);
  for (let layer = 0; layer < config.layers; layer++) {
    const names = layerNames(layer);
    const attentionInput = rmsNorm(input, weight(parameters, names.attentionNorm));
    const queries = linear(attentionInput, weight(parameters, names.query), rows);
    const keys = linear(attentionInput, weight(parameters, names.key), rows);
    const values = linear(attentionInput, weight(parameters, names.value), rows);
    const probabilities = new Float32Array(rows * batch.longest * heads);
    const attended = new Float32Array(rows * width);
    for (let row = 0; row < rows; row++) {
      const firstKey = batch.starts[row] as number;
      const position = row - firstKey;
      rotateRow(queries, rotation, { row, position, direction: 1 });
      rotateRow(keys, rotation, { row, position, direction: 1 });
      attend({
        heads,
        queries,
        queryRow: row,
        keys,
        values,
        firstKey,
        count: position + 1,
        probabilities,
        probabilitiesAt: row * batch.longest * heads,
        out: attended,
        width,
      });
    }
    const middle = linear(attended, weight(parameters, names.output), rows);
    add(middle, input);
    const feedForwardInput = rmsNorm(middle, weight(parameters, names.feedForwardNorm));
    const gate = linear(feedForwardInput, weight(parameters, names.gate), rows);
    const up = linear(feedForwardInput, weight(parameters, names.up), rows);
    const hidden = gated(gate, up);
    const output = linear(hidden, weight(parameters, names.down), rows);
    add(output, middle);
    layers.push({
      input,
      attentionInput,
      queries,
      keys,
      values,
      probabilities,
      attended,
      middle,
      feedForwardInput,
      gate,
      up,
      hidden,
    });
    input = output;
  }
  return { layers, lastOutput: input, final: rmsNorm(input, weight(parameters, finalNorm)) };
}
