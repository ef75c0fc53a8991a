interface Choice {
  readonly index?: number;
  readonly message?: unknown;
}

interface Completion {
  readonly object?: string;
  readonly choices?: readonly Choice[];
}

/** A whole answer as one chunk of a stream: the same, with each message as a `delta`. Completions are alike in both forms. */
export function chunkOf(result: unknown): unknown {
  const completion = result as Completion | undefined;
  if (completion?.object !== 'chat.completion') return result;
  const choices = completion.choices?.map(({ message, ...choice }) => ({ ...choice, delta: message }));
  return { ...completion, object: 'chat.completion.chunk', choices };
}
