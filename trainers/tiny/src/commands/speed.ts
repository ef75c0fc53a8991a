import { createDecoder } from '../inference/decoder.ts';
import { createCache } from '../inference/key-value-cache.ts';
import { sample } from '../inference/sampling.ts';
import { loadModel } from '../model/model-file.ts';
import { seededRandom } from '../random.ts';
import { chatPrompt } from '../tokenizer/chat-template.ts';

const tokensEach = 200;

/** Tokens per second on one core, for one answer alone and for several side by side. */
export async function runSpeed({ weights }: { weights: string }, print: (line: string) => void): Promise<void> {
  const model = await loadModel(weights);
  const decoder = createDecoder(model);
  const prompt = chatPrompt(model.tokenizer, [{ role: 'user', content: 'What is a queue?' }]);
  const random = seededRandom(1);

  const measure = (answers: number): number => {
    const caches = Array.from({ length: answers }, () => createCache(model.config));
    let next: readonly number[][] = caches.map(() => prompt);
    const started = performance.now();
    for (let i = 0; i < tokensEach; i++) {
      const states = decoder.advance(caches.map((cache, c) => ({ cache, tokens: next[c] ?? [] })));
      const rows = states.length / decoder.width;
      next = caches.map((_, c) => {
        const row = (rows / answers) * (c + 1) - 1;
        const scores = decoder.score(states.subarray(row * decoder.width, (row + 1) * decoder.width));
        return [sample(scores, { temperature: 1, topP: 0.9 }, random)];
      });
    }
    return (answers * tokensEach) / ((performance.now() - started) / 1000);
  };
  // The first runs only let the compiler see the code.
  measure(1);
  measure(2);
  for (const answers of [1, 4, 16]) print(`${answers} at once: ${Math.round(measure(answers))} tokens/s`);
}
