import { array, assert, constantFrom, property, string } from 'fast-check';
import { expect, test } from 'vitest';
import { createStopScanner } from './stop-sequences.ts';

function scan(stops: readonly string[], pieces: readonly string[]): { shown: string[]; stopped: boolean } {
  const scanner = createStopScanner(stops);
  const shown: string[] = [];
  for (const piece of pieces) {
    const { text, stopped } = scanner.push(piece);
    shown.push(text);
    if (stopped) return { shown, stopped };
  }
  return { shown: [...shown, scanner.flush()], stopped: false };
}

test('the start of a stop sequence is held back until it is certain', () => {
  expect(scan(['END'], ['a E', 'N', 'D b'])).toEqual({ shown: ['a ', '', ''], stopped: true });
  expect(scan(['END'], ['a E', 'N', 'T b'])).toEqual({ shown: ['a ', '', 'ENT b', ''], stopped: false });
  expect(scan(['END'], ['a E'])).toEqual({ shown: ['a ', 'E'], stopped: false });
});

test('the earliest of several stop sequences counts', () => {
  expect(scan(['c', 'ab'], ['xa', 'bc'])).toEqual({ shown: ['x', ''], stopped: true });
});

test('however a text is cut, the same is shown', () => {
  const letters = string({ unit: constantFrom('a', 'b'), maxLength: 12 });
  const stop = string({ unit: constantFrom('a', 'b'), minLength: 1, maxLength: 3 });
  assert(
    property(letters, array(stop, { maxLength: 2 }), (text, stops) => {
      const byLetter = scan(stops, text.split(''));
      const ends = stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
      expect(byLetter.stopped).toBe(ends.length > 0);
      // Letter by letter, the stop sequence that is complete first ends the text.
      const first = Math.min(
        ...stops.map((stop) => (text.includes(stop) ? text.indexOf(stop) + stop.length : Infinity)),
      );
      const shown = byLetter.shown.join('');
      expect(text.startsWith(shown)).toBe(true);
      expect(shown.length).toBeLessThan(first === Infinity ? text.length + 1 : first);
    }),
  );
});
