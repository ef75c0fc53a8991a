import { expect, test } from 'vitest';
import { chooseEndpoint } from './choose-endpoint.ts';
import type { CircuitState } from './circuit.ts';

test('the least busy endpoint is chosen, in proportion to its size', () => {
  const small = endpoint({ slots: 2, inUse: 1 });
  const large = endpoint({ slots: 10, inUse: 4 });

  expect(chooseEndpoint([small, large], 'standard')).toBe(large);
});

test('while an endpoint that answers is full, a request waits rather than go to one that rests', () => {
  const full = endpoint({ slots: 1, inUse: 1 });
  const resting = endpoint({ state: 'resting', restsUntil: 5 });

  expect(chooseEndpoint([full, resting], 'standard')).toBeUndefined();
});

test('an endpoint that is due a probe gets the request', () => {
  const idle = endpoint({});
  const due = endpoint({ state: 'probe-due' });

  expect(chooseEndpoint([idle, due], 'standard')).toBe(due);
});

test('a full endpoint that is due a probe is passed over', () => {
  const idle = endpoint({});
  const due = endpoint({ state: 'probe-due', slots: 1, inUse: 1 });

  expect(chooseEndpoint([due, idle], 'standard')).toBe(idle);
});

test('where all endpoints rest, the one that is back first is tried', () => {
  const later = endpoint({ state: 'resting', restsUntil: 9 });
  const sooner = endpoint({ state: 'resting', restsUntil: 5 });

  expect(chooseEndpoint([later, sooner], 'standard')).toBe(sooner);
});

interface Settings {
  readonly slots?: number;
  readonly inUse?: number;
  readonly state?: CircuitState;
  readonly restsUntil?: number;
}

function endpoint({ slots = 4, inUse = 0, state = 'closed', restsUntil = 0 }: Settings) {
  return { limit: { limit: slots, inUse, hasRoom: () => inUse < slots }, circuit: { state, restsUntil } };
}
