import { expect, it } from 'vitest';
import { drift, watchLive } from '../bench/live/watch.ts';

it.each(['overlay', 'banner'] as const)(
  'a minute of the %s page: memory stays flat, no frame stays open, nothing goes uncaught',
  async (name) => {
    const { samples, faults } = await watchLive(name, 60);
    const memory = drift(samples);
    expect(memory.drift, memory.tenths.map((mib) => mib.toFixed(0)).join(' ')).toBeLessThan(0.05);
    expect(Math.max(...samples.map(({ open }) => open))).toBeLessThanOrEqual(4);
    expect(faults).toEqual([]);
  },
  180_000,
);
