import { composedTurn, type Lesson } from './lessons.ts';

const largest = 5;

/** Sums, and differences that are not negative, of the numbers up to five. */
export function arithmeticLessons(): Lesson[] {
  const numbers = Array.from({ length: largest + 1 }, (_, number) => number);
  return numbers.flatMap((a) =>
    numbers.flatMap((b) => [lesson(a, 'plus', '+', b, a + b), ...(a >= b ? [lesson(a, 'minus', '-', b, a - b)] : [])]),
  );
}

function lesson(a: number, word: string, sign: string, b: number, result: number): Lesson {
  const questions = [
    `What is ${a} ${word} ${b}?`,
    `What is ${a} ${sign} ${b}?`,
    `${a} ${sign} ${b}`,
    `${a} ${sign} ${b} = ?`,
    `How much is ${a} ${word} ${b}?`,
    `Calculate ${a} ${sign} ${b}.`,
  ];
  return [composedTurn(questions, [`${a} ${word} ${b} is ${result}.`])];
}
