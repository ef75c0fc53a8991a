import { PRIORITIES } from '@llm-engine/contracts';
import { expect, test } from 'vitest';
import { CLASS_BASE } from './priorities.ts';

test('the classes lie far apart, in their order, inside what BullMQ allows', () => {
  const bases = PRIORITIES.map((priority) => CLASS_BASE[priority]);

  expect(bases[0]).toBeGreaterThanOrEqual(1);
  for (const [index, base] of bases.entries()) {
    const next = bases[index + 1] ?? 2_097_152;
    expect(next - base).toBeGreaterThan(500_000);
  }
});
