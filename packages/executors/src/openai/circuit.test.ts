import { expect, test } from 'vitest';
import { Circuit } from './circuit.ts';

test('an endpoint rests after failures in a row, not before', () => {
  const { circuit } = setup();

  circuit.failed();
  circuit.answered();
  circuit.failed();
  const before = circuit.state;
  circuit.failed();

  expect(before).toBe('closed');
  expect(circuit.state).toBe('resting');
});

test('after its rest one request probes it while the others stay away', () => {
  const { circuit, clock } = setup();
  circuit.failed();
  circuit.failed();

  clock.now = circuit.restsUntil;
  const due = circuit.state;
  circuit.started();

  expect(due).toBe('probe-due');
  expect(circuit.state).toBe('resting');
});

test('a probe that is answered ends the rest', () => {
  const { circuit, clock } = setup();
  circuit.failed();
  circuit.failed();
  clock.now = circuit.restsUntil;
  circuit.started();

  circuit.answered();

  expect(circuit.state).toBe('closed');
});

test('a probe that fails begins a rest twice as long, up to the longest', () => {
  const { circuit, clock } = setup();
  const rests: number[] = [];
  circuit.failed();

  for (let probe = 0; probe < 5; probe += 1) {
    circuit.failed();
    rests.push(circuit.restsUntil - clock.now);
    clock.now = circuit.restsUntil;
    circuit.started();
  }

  expect(rests).toEqual([1000, 2000, 4000, 4000, 4000]);
});

test('a probe that was aborted leaves the next request to probe', () => {
  const { circuit, clock } = setup();
  circuit.failed();
  circuit.failed();
  clock.now = circuit.restsUntil;
  circuit.started();

  circuit.undecided();

  expect(circuit.state).toBe('probe-due');
});

test('failures of requests that were under way do not prolong the rest', () => {
  const { circuit } = setup();
  circuit.failed();
  circuit.failed();
  const until = circuit.restsUntil;

  circuit.failed();

  expect(circuit.restsUntil).toBe(until);
});

test('rests are jittered, so that workers do not probe in step', () => {
  const early = new Circuit({ failuresToRest: 1, restMs: 1000, now: () => 0, random: () => 0 });
  const late = new Circuit({ failuresToRest: 1, restMs: 1000, now: () => 0, random: () => 0.99 });

  early.failed();
  late.failed();

  expect(early.restsUntil).toBe(500);
  expect(late.restsUntil).toBe(995);
});

function setup(): { circuit: Circuit; clock: { now: number } } {
  const clock = { now: 1_000_000 };
  const circuit = new Circuit({
    failuresToRest: 2,
    restMs: 1000,
    maxRestMs: 4000,
    now: () => clock.now,
    random: () => 1,
  });
  return { circuit, clock };
}
