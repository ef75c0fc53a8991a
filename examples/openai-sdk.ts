/**
 * The official OpenAI client, unmodified, in front of an engine that runs: `npm start` first, then
 *
 *     npx node examples/openai-sdk.ts
 */
import OpenAI, { NotFoundError } from 'openai';

const openai = new OpenAI({
  baseURL: `${process.env['LLM_ENGINE_URL'] ?? 'http://127.0.0.1:8080'}/v1`,
  // A running engine without keys asks for none, but the client wants to send one.
  apiKey: process.env['LLM_ENGINE_API_KEY'] ?? 'none',
});
const model = 'tiny-chat';

const { data: models } = await openai.models.list();
console.log('Models:', models.map(({ id }) => id).join(', '));

const answer = await openai.chat.completions.create({
  model,
  messages: [{ role: 'user', content: 'What is a queue?' }],
  temperature: 0,
});
console.log('Answer:', answer.choices[0]?.message.content);

const stream = await openai.chat.completions.create({
  model,
  messages: [{ role: 'user', content: 'What is a worker?' }],
  temperature: 0,
  stream: true,
  stream_options: { include_usage: true },
});
process.stdout.write('Stream: ');
for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta.content ?? '');
  if (chunk.usage) console.log(`\nTokens: ${chunk.usage.total_tokens}`);
}

const { data: vectors } = await openai.embeddings.create({ model, input: ['a queue', 'a worker'] });
console.log('Embeddings:', vectors.map(({ embedding }) => `${embedding.length} numbers`).join(', '));

try {
  await openai.chat.completions.create({ model: 'no-such-model', messages: [{ role: 'user', content: 'Hello' }] });
} catch (error) {
  if (!(error instanceof NotFoundError)) throw error;
  console.log('Error:', error.code, '-', error.message);
}
