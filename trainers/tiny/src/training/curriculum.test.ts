import { expect, test } from 'vitest';
import { composeCurriculum, heldOutQuestions } from './curriculum.ts';
import { parseLessons } from './lessons.ts';
import { readSubjects } from './recipe.ts';

const lessons = parseLessons(`# a comment

@ a queue
> A queue holds jobs.

? What is the capital of {country}?
> The capital of {country} is {capital}.
= country | capital
France | Paris
Japan | Tokyo

~
? I am {name}. / My name is {name}.
> Hello, {name}!
? Who am I?
> You are {name}.
= name
Anna | Ben
`);

test('a block with a table is one lesson for each of its rows', () => {
  expect(lessons).toHaveLength(5);
  expect(lessons[0]?.[0]?.questions).toContain('What is a queue?');
  expect(lessons[2]?.[0]?.answers).toEqual(['The capital of Japan is Tokyo.']);
  expect(lessons[4]).toEqual([
    { questions: ['I am Ben.', 'My name is Ben.'], heldOut: [], answers: ['Hello, Ben!'] },
    { questions: ['Who am I?'], heldOut: [], answers: ['You are Ben.'] },
  ]);
});

test('a line of no known kind is refused', () => {
  expect(() => parseLessons('? a\n> b\nc')).toThrow('as in "c"');
});

test('the same seed composes the same curriculum', () => {
  const subjects = [{ lessons, weight: 1, prose: true }];
  const options = { conversations: 30, seed: 4 };
  expect(composeCurriculum(subjects, options)).toEqual(composeCurriculum(subjects, options));
  expect(composeCurriculum(subjects, { ...options, seed: 5 })).not.toEqual(composeCurriculum(subjects, options));
});

test('no conversation asks a held-out question in its own words', async () => {
  const subjects = await readSubjects();
  const heldOut = new Set(heldOutQuestions(subjects).map(({ question }) => question));
  const { conversations } = composeCurriculum(subjects, { conversations: 500, seed: 1 });
  const asked = conversations.flat().map(({ content }) => content);
  expect(heldOut.size).toBeGreaterThan(50);
  expect(asked.filter((content) => heldOut.has(content))).toEqual([]);
});
