import { expect, it } from 'vitest';
import { UPRIGHT } from '../../../kernels/index.ts';
import type { StreamSpec } from './backend.ts';
import { Schedule } from './due.ts';

const every = (n: number) => ({ options: { every: n } });
const view = (displayWidth: number) => ({ displayWidth, displayHeight: 90, orientation: UPRIGHT });

it('every Nth frame is inferred, the first that comes, and the first of another size', () => {
  const schedule = new Schedule({ detect: every(4), depth: every(3) } as Pick<
    StreamSpec,
    'detect' | 'depth'
  >);
  const both = { detect: true, depth: true };
  expect(schedule.next({ index: 5, view: view(160) })).toEqual(both);
  expect(schedule.next({ index: 6, view: view(160) })).toEqual({ detect: false, depth: true });
  expect(schedule.next({ index: 7, view: view(160) })).toBeNull();
  expect(schedule.next({ index: 7, view: view(120) })).toEqual(both);
  expect(schedule.next({ index: 8, view: view(120) })).toEqual({ detect: true, depth: false });
});

it('without a stage nothing is', () => {
  expect(new Schedule({ detect: null, depth: null }).next({ index: 0, view: view(160) })).toBeNull();
});
