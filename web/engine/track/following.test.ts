import { expect, it } from 'vitest';
import { UPRIGHT } from '../../../kernels/index.ts';
import type { Detection } from '../../../protocol/index.ts';
import { Following } from './following.ts';

const VIEW = { displayWidth: 200, displayHeight: 160, orientation: UPRIGHT };
const found = (x: number): Promise<Detection[]> =>
  Promise.resolve([{ class: 'person', id: 0, score: 0.9, box: [x, 50, 40, 100] }]);

it('moves boxes on, not out of the picture', async () => {
  const following = new Following({ model: 'any', minScore: 0.3, iou: 0.5, every: 4 }, 30);
  for (let i = 0; i <= 16; i++) await following.next(found(10 * i), VIEW);
  for (const right of [200, 200, 200]) {
    const [moved] = await following.next(null, VIEW);
    expect(moved!.track).toBe(1);
    expect(moved!.box[0] + moved!.box[2]).toBeCloseTo(right);
    expect(moved!.box[2]).toBeLessThan(40);
  }
  for (let i = 0; i < 3; i++) await following.next(null, VIEW);
  expect(await following.next(null, VIEW)).toEqual([]);
});
