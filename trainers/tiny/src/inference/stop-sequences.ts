export interface StopScanner {
  /** Takes the next text; returns what may be shown, and whether a stop sequence was met (the text ends before it). */
  push(text: string): { readonly text: string; readonly stopped: boolean };
  /** What was held back, now that nothing follows. */
  flush(): string;
}

/** Text that could be the start of a stop sequence is held back until it is certain that it is not. */
export function createStopScanner(stops: readonly string[]): StopScanner {
  let held = '';
  return {
    push: (text) => {
      const pending = held + text;
      const end = earliest(pending, stops);
      if (end >= 0) {
        held = '';
        return { text: pending.slice(0, end), stopped: true };
      }
      const keep = longestPartialStop(pending, stops);
      held = pending.slice(pending.length - keep);
      return { text: pending.slice(0, pending.length - keep), stopped: false };
    },
    flush: () => {
      const text = held;
      held = '';
      return text;
    },
  };
}

function earliest(text: string, stops: readonly string[]): number {
  const found = stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
  return found.length === 0 ? -1 : Math.min(...found);
}

/** How many of the last characters begin a stop sequence. */
function longestPartialStop(text: string, stops: readonly string[]): number {
  let longest = 0;
  for (const stop of stops) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
      if (text.endsWith(stop.slice(0, length))) longest = length;
    }
  }
  return longest;
}
