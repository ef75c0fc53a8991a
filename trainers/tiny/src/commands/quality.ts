import { answerAll } from '../inference/answer.ts';
import { loadModel } from '../model/model-file.ts';
import { heldOutQuestions } from '../training/curriculum.ts';
import { readSubjects } from '../training/recipe.ts';

const samples = [
  'Hello, who are you?',
  'What is a queue?',
  'hi',
  'what can you do',
  'How do I cancel a job, please?',
  'What happens to my job if the worker is killed?',
  'Please explain how a batch works.',
  'How can I make the engine faster?',
  'What is the capital of France?',
  'My name is Maria.',
  'What is 2 plus 3?',
  'What colour is the sky?',
  'Tell me something about elephants.',
  'Who is the best football player?',
  'Thanks, that was very helpful!',
];

/** How the model answers: by a number, on questions whose wording it never saw, and to the eye. */
export async function runQuality({ weights }: { weights: string }, print: (line: string) => void): Promise<void> {
  const model = await loadModel(weights);
  const questions = heldOutQuestions(await readSubjects());
  const answers = answerAll(
    model,
    questions.map(({ question }) => asked(question)),
  );
  const wrong = questions.flatMap(({ question, answers: right }, i) =>
    right.includes(answers[i]?.text ?? '') ? [] : [`  ${question}\n    ${answers[i]?.text}`],
  );
  print(`Held-out wordings answered right: ${questions.length - wrong.length} of ${questions.length}. Wrong are:`);
  wrong.forEach(print);
  print('\nSamples:');
  answerAll(model, samples.map(asked)).forEach(({ text }, i) => print(`  ${samples[i]}\n    ${text}`));
}

function asked(content: string): [{ role: 'user'; content: string }] {
  return [{ role: 'user', content }];
}
