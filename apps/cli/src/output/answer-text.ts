import { z } from 'zod';

const text = z.string().nullish();
const choices = <T extends z.ZodType>(choice: T) => z.object({ choices: z.array(choice).min(1) });

const chatChunk = choices(z.object({ delta: z.object({ content: text }) }));
const completion = choices(z.object({ text: z.string() }));
const chatCompletion = choices(z.object({ message: z.object({ content: text }) }));
const embeddings = z.object({ data: z.array(z.object({ embedding: z.union([z.string(), z.array(z.number())]) })) });
const runEvent = z.object({ message: z.string(), metrics: z.record(z.string(), z.number()).optional() });

/** What a streamed chunk adds to the text that a person reads: of the first choice, or a line of a fine-tune. */
export function textOfChunk(data: string): string {
  const chunk = parseJson(data);
  const chat = chatChunk.safeParse(chunk);
  if (chat.success) return chat.data.choices[0]?.delta.content ?? '';
  const plain = completion.safeParse(chunk);
  if (plain.success) return plain.data.choices[0]?.text ?? '';
  const event = runEvent.safeParse(chunk);
  return event.success ? `${describeEvent(event.data)}\n` : '';
}

/** The result of a job as a person reads it. */
export function textOfResult(result: unknown): string {
  const chat = chatCompletion.safeParse(result);
  if (chat.success) return chat.data.choices[0]?.message.content ?? JSON.stringify(result, undefined, 2);
  const plain = completion.safeParse(result);
  if (plain.success) return plain.data.choices[0]?.text ?? '';
  const vectors = embeddings.safeParse(result);
  if (vectors.success) return describeVectors(vectors.data.data.map(({ embedding }) => embedding));
  return JSON.stringify(result, undefined, 2);
}

function describeEvent({ message, metrics = {} }: z.infer<typeof runEvent>): string {
  const values = Object.entries(metrics).map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`);
  return [message, ...values].join('  ');
}

const FLOAT32_BYTES = 4;

function describeVectors(vectors: readonly (string | readonly number[])[]): string {
  const [first = []] = vectors;
  const length = typeof first === 'string' ? Buffer.from(first, 'base64').length / FLOAT32_BYTES : first.length;
  return `${vectors.length} ${vectors.length === 1 ? 'vector' : 'vectors'} of ${length} numbers (--json prints them)`;
}

function parseJson(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}
