import { attend } from '../model/attention.ts';
import type { LanguageModel } from '../model/model-file.ts';
import { add, embed, gated, linear, rmsNorm } from '../model/operations.ts';
import { embedding, finalNorm, layerNames, weight } from '../model/parameters.ts';
import { createRotation, rotateRow } from '../model/rotary.ts';
import { reserve, type KeyValueCache, type LayerCache } from './key-value-cache.ts';

/** The next tokens of one sequence. */
interface Span {
  readonly cache: KeyValueCache;
  readonly tokens: readonly number[];
}

export interface Decoder {
  /** Numbers in a state. */
  readonly width: number;
  /**
   * Reads the spans of several sequences in one pass and extends their caches. Returns the final state of every token,
   * [rows, width], in the order given. A row does not depend on the other sequences.
   */
  advance(spans: readonly Span[]): Float32Array;
  /** The score of every token of the vocabulary to come next, [rows, vocabulary], for [rows, width] final states. */
  score(states: Float32Array): Float32Array;
}

export function createDecoder({ config, parameters }: Omit<LanguageModel, 'tokenizer'>): Decoder {
  const { width, heads } = config;
  const rotation = createRotation(config);
  const table = weight(parameters, embedding);
  const probabilities = new Float32Array(heads * config.context);
  const layers = Array.from({ length: config.layers }, (_, layer) => {
    const names = layerNames(layer);
    return {
      attentionNorm: weight(parameters, names.attentionNorm),
      query: weight(parameters, names.query),
      key: weight(parameters, names.key),
      value: weight(parameters, names.value),
      output: weight(parameters, names.output),
      feedForwardNorm: weight(parameters, names.feedForwardNorm),
      gate: weight(parameters, names.gate),
      up: weight(parameters, names.up),
      down: weight(parameters, names.down),
    };
  });

  /** Turns the queries and keys by position, stores keys and values, and lets each row see its own sequence. */
  const attendSpans = (
    spans: readonly Span[],
    layer: number,
    { queries, keys, values }: { queries: Float32Array; keys: Float32Array; values: Float32Array },
  ): Float32Array => {
    const out = new Float32Array(queries.length);
    let row = 0;
    for (const { cache, tokens } of spans) {
      const kept = cache.layers[layer] as LayerCache;
      for (let i = 0; i < tokens.length; i++, row++) {
        const position = cache.length + i;
        rotateRow(queries, rotation, { row, position, direction: 1 });
        rotateRow(keys, rotation, { row, position, direction: 1 });
        kept.keys.set(keys.subarray(row * width, (row + 1) * width), position * width);
        kept.values.set(values.subarray(row * width, (row + 1) * width), position * width);
        attend({
          heads,
          queries,
          queryRow: row,
          keys: kept.keys,
          values: kept.values,
          firstKey: 0,
          count: position + 1,
          probabilities,
          probabilitiesAt: 0,
          out,
          width,
        });
      }
    }
    return out;
  };

  return {
    width,
    advance: (spans) => {
      const tokens = spans.flatMap((span) => span.tokens);
      const rows = tokens.length;
      for (const span of spans) reserve(span.cache, span.tokens.length, config);
      let stream = embed(tokens, table, width);
      layers.forEach((matrices, layer) => {
        const attentionInput = rmsNorm(stream, matrices.attentionNorm);
        const attended = attendSpans(spans, layer, {
          queries: linear(attentionInput, matrices.query, rows),
          keys: linear(attentionInput, matrices.key, rows),
          values: linear(attentionInput, matrices.value, rows),
        });
        const middle = linear(attended, matrices.output, rows);
        add(middle, stream);
        const feedForwardInput = rmsNorm(middle, matrices.feedForwardNorm);
        const gate = linear(feedForwardInput, matrices.gate, rows);
        const up = linear(feedForwardInput, matrices.up, rows);
        stream = linear(gated(gate, up), matrices.down, rows);
        add(stream, middle);
      });
      for (const span of spans) span.cache.length += span.tokens.length;
      return rmsNorm(stream, weight(parameters, finalNorm));
    },
    score: (states) => linear(states, table, states.length / width),
  };
}
