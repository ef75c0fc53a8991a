import { combineSeeds } from '../random.ts';

/** One exchange: any of the questions may be asked, and any of the answers is right. */
export interface Turn {
  readonly questions: readonly string[];
  /** Asked only to measure, never in training. */
  readonly heldOut: readonly string[];
  readonly answers: readonly string[];
}

/** A short dialogue that always runs in this order; most have a single turn. */
export type Lesson = readonly Turn[];

/** The questions that an "@ subject" line stands for. */
const definitionQuestions = [
  'What is {subject}?',
  "What's {subject}?",
  'What exactly is {subject}?',
  'Explain {subject}.',
  'Explain what {subject} is.',
  'Tell me about {subject}.',
  'Tell me what {subject} is.',
  'Can you explain {subject}?',
  'Can you tell me what {subject} is?',
  'What does {subject} mean?',
  'What do you mean by {subject}?',
  'Do you know what {subject} is?',
  'Define {subject}.',
  'Describe {subject}.',
  'What do you know about {subject}?',
  'I want to know what {subject} is.',
  'I do not understand what {subject} is.',
  'Please explain {subject} to me.',
  '{subject}?',
];

/**
 * Reads the lessons of one file. Blocks are separated by empty lines:
 *
 *     @ a queue               stands for "What is a queue?" and its many forms
 *     ? a question            any number, all with the same answers
 *     > an answer             any number, all right
 *     ~                       first line: the lines follow each other, " / " separates their alternatives
 *     = country | capital     last: a table, and the block holds once for each of its rows
 *     France | Paris          (one column only: all cells are rows)
 */
export function parseLessons(text: string): Lesson[] {
  return text
    .split(/\n\s*\n/)
    .map((block) => block.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#')))
    .filter((lines) => lines.length > 0)
    .flatMap(parseBlock);
}

function parseBlock(lines: readonly string[]): Lesson[] {
  const tableAt = lines.findIndex((line) => line.startsWith('= '));
  const body = tableAt < 0 ? lines : lines.slice(0, tableAt);
  const rows = tableAt < 0 ? [{}] : parseTable(lines.slice(tableAt));
  if (body[0] === '~') {
    const turns = parseDialogue(body.slice(1));
    return rows.map((row) => turns.map((turn) => fill(turn, row)));
  }
  const turn = parseTurn(body);
  return rows.map((row) => {
    const { questions, heldOut, answers } = fill(turn, row);
    return [tableAt < 0 ? { questions, heldOut, answers } : composedTurn(questions, answers)];
  });
}

/**
 * A turn whose questions combine a form and a subject. One in twenty is held out, by its text: it can be answered by
 * knowing the form and the subject from elsewhere. The first, plainest forms are always taught.
 */
export function composedTurn(all: readonly string[], answers: readonly string[]): Turn {
  const isHeldOut = (question: string, index: number) => index >= 3 && textHash(question) % 20 === 0;
  return {
    questions: all.filter((question, index) => !isHeldOut(question, index)),
    heldOut: all.filter(isHeldOut),
    answers,
  };
}

function textHash(text: string): number {
  return combineSeeds(...Array.from(text, (character) => character.codePointAt(0) ?? 0)) >>> 0;
}

function parseTurn(lines: readonly string[]): Turn {
  const questions: string[] = [];
  const heldOut: string[] = [];
  const answers: string[] = [];
  for (const line of lines) {
    const content = line.slice(2).trim();
    if (line.startsWith('? ')) questions.push(content);
    else if (line.startsWith('> ')) answers.push(content);
    else if (line.startsWith('@ ')) {
      const all = definitionQuestions.map((form) => capitalized(form.replace('{subject}', content)));
      const defined = composedTurn(all, []);
      questions.push(...defined.questions);
      heldOut.push(...defined.heldOut);
    } else throw new Error(`A lesson line starts with "@ ", "? ", "> " or "= ", not as in "${line}".`);
  }
  if (questions.length === 0 || answers.length === 0) {
    throw new Error(`No question or no answer in "${lines.join(' ')}".`);
  }
  return { questions, heldOut, answers };
}

function parseDialogue(lines: readonly string[]): Lesson {
  const turns: Turn[] = [];
  for (let i = 0; i < lines.length; i += 2) {
    const alternatives = lines.slice(i, i + 2).flatMap((line) =>
      line
        .slice(2)
        .split(' / ')
        .map((part) => line.slice(0, 2) + part),
    );
    turns.push(parseTurn(alternatives));
  }
  return turns;
}

function parseTable([header = '', ...rows]: readonly string[]): Record<string, string>[] {
  const columns = cells(header.slice(2));
  const [only] = columns;
  if (columns.length === 1 && only) return rows.flatMap(cells).map((cell) => ({ [only]: cell }));
  return rows.map((row) => Object.fromEntries(cells(row).map((cell, i) => [columns[i] ?? '', cell])));
}

function cells(line: string): string[] {
  return line.split('|').map((cell) => cell.trim());
}

/** A cell that begins a sentence begins it with a capital. */
function fill({ questions, heldOut, answers }: Turn, row: Readonly<Record<string, string>>): Turn {
  const filled = (text: string) => {
    const result = text.replace(/\{(\w+)\}/g, (_, name: string) => {
      const value = row[name];
      if (value === undefined) throw new Error(`"${text}" names {${name}}, which its table lacks.`);
      return value;
    });
    return text.startsWith('{') ? capitalized(result) : result;
  };
  return { questions: questions.map(filled), heldOut: heldOut.map(filled), answers: answers.map(filled) };
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
