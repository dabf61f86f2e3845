import { expect, it } from 'vitest';
import type { PeerDetection } from '../peers/peer.ts';
import { agreement } from './agreement.ts';

const at = (id: number, score: number, x: number): PeerDetection => ({ id, score, box: [x, 0, 10, 10] });

it('is the share of what either is sure of that the other found too', () => {
  const ours = [[at(0, 0.9, 0), at(1, 0.8, 50), at(0, 0.4, 100)]];
  expect(agreement(ours, ours)).toBe(1);
  expect(agreement(ours, [[at(0, 0.9, 1)]])).toBeCloseTo(2 / 3);
  expect(agreement(ours, [[at(1, 0.9, 0)]])).toBe(0);
  expect(agreement([[]], [[]])).toBe(1);
});

it('is less for whoever finds much besides', () => {
  const ours = [[at(0, 0.9, 0), at(1, 0.8, 50)]];
  const besides = Array.from({ length: 4 }, (_, i) => at(2, 0.9, 200 + 20 * i));
  expect(agreement(ours, [[...ours[0]!, ...besides]])).toBe(0.5);
});

it('counts frames that both looked at', () => {
  expect(agreement([[at(0, 0.9, 0)]], [[at(0, 0.9, 0)], [at(0, 0.9, 0)]])).toBe(1);
});
