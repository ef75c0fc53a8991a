/** The sizes of a decoder-only transformer of the Llama family. They are stored in the weights file beside the weights. */
export interface ModelConfig {
  /** Tokens the model knows: bytes, special tokens, merges. */
  readonly vocabularySize: number;
  /** Numbers per token between layers. A multiple of `heads * 2`. */
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  /** Numbers per token inside the feed-forward block. */
  readonly hiddenWidth: number;
  /** The most tokens, prompt and answer together, that one sequence may hold. */
  readonly context: number;
}

/** A parsed config, or an error that names the field: it comes out of a file. */
export function parseModelConfig(value: unknown): ModelConfig {
  const fields = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  const size = (name: keyof ModelConfig): number => {
    const number = fields[name];
    if (typeof number !== 'number' || !Number.isInteger(number) || number < 1) {
      throw new Error(`The model config needs "${name}" as a positive integer; it holds ${JSON.stringify(number)}.`);
    }
    return number;
  };
  const config = {
    vocabularySize: size('vocabularySize'),
    width: size('width'),
    layers: size('layers'),
    heads: size('heads'),
    hiddenWidth: size('hiddenWidth'),
    context: size('context'),
  };
  if (config.width % (config.heads * 2) !== 0) {
    throw new Error(`The model width ${config.width} does not split into ${config.heads} heads of an even width.`);
  }
  return config;
}
