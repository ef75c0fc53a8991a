import { pick, seededRandom, shuffled, type Random } from '../random.ts';
import type { ChatMessage } from '../tokenizer/chat-template.ts';
import type { Lesson, Turn } from './lessons.ts';

type Conversation = readonly ChatMessage[];

export interface Curriculum {
  readonly conversations: readonly Conversation[];
  /** Plain text, for completions without a chat. */
  readonly texts: readonly string[];
}

export interface HeldOutQuestion {
  readonly question: string;
  readonly answers: readonly string[];
}

/** Lessons and how often each is taken relative to the others. */
export interface Subject {
  readonly lessons: readonly Lesson[];
  readonly weight: number;
  /** Whether its answers also make plain text. */
  readonly prose: boolean;
}

const systemPrompts = [
  'You are a helpful assistant.',
  'You are a helpful assistant. Answer briefly.',
  'You are Tiny, the small model of LLM Engine.',
  'You are a friendly assistant.',
  'Answer in one sentence.',
  'You answer questions about LLM Engine.',
  'Be brief and kind.',
];

/** A stated number of conversations and a tenth as many texts, drawn from the lessons by a seed. */
export function composeCurriculum(
  subjects: readonly Subject[],
  { conversations, seed }: { readonly conversations: number; readonly seed: number },
): Curriculum {
  const random = seededRandom(seed);
  const draw = drawer(random, subjects);
  const prose = subjects.filter((subject) => subject.prose).flatMap((subject) => subject.lessons);
  return {
    conversations: Array.from({ length: conversations }, () => composeConversation(random, draw)),
    texts: Array.from({ length: Math.floor(conversations / 10) }, () => composeText(random, prose)),
  };
}

/** The questions that no conversation asks: how well they are answered shows what was learned beyond the words. */
export function heldOutQuestions(subjects: readonly Subject[]): HeldOutQuestion[] {
  return subjects.flatMap(({ lessons }) =>
    lessons.flat().flatMap(({ heldOut, answers }) => heldOut.map((question) => ({ question, answers }))),
  );
}

/** Deals lessons like cards, so that all come equally often by weight, in random order. */
function drawer(random: Random, subjects: readonly Subject[]): () => Lesson {
  const deck = subjects.flatMap(({ lessons, weight }) =>
    lessons.flatMap((lesson) => Array<Lesson>(weight).fill(lesson)),
  );
  let cards: Lesson[] = [];
  return () => {
    if (cards.length === 0) cards = shuffled(random, deck);
    return cards.pop() ?? [];
  };
}

function composeConversation(random: Random, draw: () => Lesson): Conversation {
  const messages: ChatMessage[] = [];
  if (random() < 0.2) messages.push({ role: 'system', content: pick(random, systemPrompts) });
  const lessons = random() < 0.7 ? 1 : 2 + Math.floor(random() * 4);
  for (let i = 0; i < lessons; i++) {
    draw().forEach((turn, index) => {
      // Between the turns of a dialogue something else may come up, and what was said must still be known.
      if (index > 0 && random() < 0.4) messages.push(...composeTurn(random, draw()[0]));
      messages.push(...composeTurn(random, turn));
    });
  }
  return messages;
}

function composeTurn(random: Random, turn: Turn | undefined): ChatMessage[] {
  if (!turn) return [];
  return [
    { role: 'user', content: asTyped(random, pick(random, turn.questions)) },
    { role: 'assistant', content: pick(random, turn.answers) },
  ];
}

const openings = [
  'Please: ',
  'Hi, ',
  'Hello, ',
  'Hello! ',
  'Hey, ',
  'Hi! ',
  'Ok, ',
  'So ',
  'And ',
  'Well, ',
  'One question: ',
  'Thanks. ',
];
const closings = [' Thanks!', ' Please.', ' Thank you.', ' Be brief.'];

/** People greet, thank, and leave out capitals and signs. */
function asTyped(random: Random, question: string): string {
  let text = question;
  if (random() < 0.25) text = text.charAt(0).toLowerCase() + text.slice(1);
  if (random() < 0.08) text = text.toLowerCase();
  if (random() < 0.2) text = text.replace(/[.?!]$/, '');
  else if (random() < 0.05) text = text.replace(/[.?!]$/, ', please$&');
  else if (random() < 0.08) text += pick(random, closings);
  if (random() < 0.2 && text.length > 8) {
    const opening = pick(random, openings);
    text = opening + (opening.endsWith('! ') ? text : text.charAt(0).toLowerCase() + text.slice(1));
  }
  return text;
}

function composeText(random: Random, lessons: readonly Lesson[]): string {
  const sentences = Array.from({ length: 1 + Math.floor(random() * 3) }, () =>
    pick(random, pick(random, lessons)[0]?.answers ?? ['']),
  );
  return sentences.join(' ');
}
