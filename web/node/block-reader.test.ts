import { describe, expect, it } from 'vitest';
import { BlockReader } from './block-reader.ts';

const BLOCK = 1 << 18;
const SIZE = 20 * BLOCK + 1234;
const file = Uint8Array.from({ length: SIZE }, (_, i) => (i * 31 + (i >> 8)) & 255);

function readerOver(broken: (start: number) => boolean = () => false) {
  const asked: [number, number][] = [];
  const reader = new BlockReader({
    size: async () => SIZE,
    read: async (start, end) => {
      asked.push([start, end]);
      return broken(start) ? file.subarray(start, start + 10) : file.subarray(start, end);
    },
  });
  return { reader, asked };
}

describe('reading in blocks', () => {
  it('gives the bytes that are there, wherever, and fewer at the end', async () => {
    const { reader } = readerOver();
    for (const [start, end] of [
      [0, 10],
      [BLOCK - 3, BLOCK + 3],
      [5, 3 * BLOCK + 7],
      [SIZE - 10, SIZE],
      [SIZE - 10, SIZE + 500],
      [SIZE + 1, SIZE + 9],
      [2 * BLOCK, 2 * BLOCK + 1],
    ] as const)
      expect(await reader.read(start, end)).toEqual(file.subarray(start, Math.min(end, SIZE)));
  });

  it('asks once for each block of a part that is read bit by bit, and for one behind it', async () => {
    const { reader, asked } = readerOver();
    const [from, to] = [5 * BLOCK + 100, 9 * BLOCK - 100];
    for (let at = from; at < to; at += 7_000) await reader.read(at, Math.min(at + 7_000, to));
    expect(asked.map(([start]) => start / BLOCK)).toEqual([5, 6, 7, 8, 9]);
    expect(asked.every(([start, end]) => end - start === BLOCK)).toBe(true);
  });

  it('asks again for a block of which not all came', async () => {
    let breaks = true;
    const { reader, asked } = readerOver((start) => start === BLOCK && breaks);
    expect((await reader.read(BLOCK, BLOCK + 100)).byteLength).toBe(10);
    breaks = false;
    expect(await reader.read(BLOCK, BLOCK + 100)).toEqual(file.subarray(BLOCK, BLOCK + 100));
    expect(asked).toHaveLength(2);
  });

  it('does not ask again for the last one, which is short', async () => {
    const { reader, asked } = readerOver();
    for (let i = 0; i < 3; i++) await reader.read(SIZE - 5, SIZE);
    expect(asked).toHaveLength(1);
  });
});
