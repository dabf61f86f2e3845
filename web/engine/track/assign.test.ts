import { describe, expect, it } from 'vitest';
import { assign } from './assign.ts';

/** The least total over all ways to pair, by trying them. */
function leastTotal(cost: number[][], columns: number, limit: number): number {
  const from = (row: number, free: number[]): number => {
    if (row === cost.length) return 0;
    // Left alone, a row costs half the limit and so does its column.
    const alone = limit + from(row + 1, free);
    return Math.min(
      alone,
      ...free
        .filter((column) => cost[row]![column]! < limit)
        .map(
          (column) =>
            cost[row]![column]! +
            from(
              row + 1,
              free.filter((other) => other !== column),
            ),
        ),
    );
  };
  return from(
    0,
    Array.from({ length: columns }, (_, i) => i),
  );
}

describe('pairing at the least cost', () => {
  it('agrees with trying every way, on random costs of all shapes', () => {
    let seed = 1;
    const random = () => {
      seed = (seed * 48271) % 2147483647;
      return seed / 2147483647;
    };
    for (let round = 0; round < 300; round++) {
      const rows = Math.floor(random() * 6);
      const columns = Math.floor(random() * 6);
      const cost = Array.from({ length: rows }, () => Array.from({ length: columns }, random));
      const limit = 0.2 + 0.9 * random();
      const { pairs, rows: alone, columns: left } = assign(cost, columns, limit);
      const total = pairs.reduce((sum, [row, column]) => sum + cost[row]![column]!, 0) + alone.length * limit;
      expect(total).toBeCloseTo(leastTotal(cost, columns, limit), 9);
      expect(new Set([...pairs.map(([row]) => row), ...alone]).size).toBe(rows);
      expect(new Set([...pairs.map(([, column]) => column), ...left]).size).toBe(columns);
      for (const [row, column] of pairs) expect(cost[row]![column]!).toBeLessThan(limit);
    }
  });
});
