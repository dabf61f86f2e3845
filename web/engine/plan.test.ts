import { expect, it } from 'vitest';
import { EdgeRunnerError, type JobSpec, parseJobSpec } from '../../protocol/index.ts';
import { planJob } from './plan.ts';

const source = { id: 'in', kind: 'upload', name: 'a.mp4' };
const detect = { id: 'detect', kind: 'detect', from: 'in', options: { model: 'yolox-nano' } };
const overlay = { id: 'overlay', kind: 'overlay', from: 'detect' };
const video = (from: string) => ({ id: 'video', kind: 'video', from, name: 'o.mp4', container: 'mp4' });
const job = (parts: object): JobSpec => parseJobSpec({ v: 1, sources: [source], ...parts });

const refusal = (spec: JobSpec): string => {
  try {
    planJob(spec);
  } catch (error) {
    if (error instanceof EdgeRunnerError) return error.code;
    throw error;
  }
  return 'planned';
};

it('a video that stands on the overlay is drawn on, one that stands on the detection is not', () => {
  const [drawn] = planJob(job({ stages: [detect, overlay], outputs: [video('overlay')] }));
  expect(drawn!.video!.drawn).toBe(true);
  const [plain] = planJob(job({ stages: [detect], outputs: [video('detect')] }));
  expect(plain!.video!.drawn).toBe(false);
});

it('each source gets the stages and outputs that stand on it', () => {
  const other = { id: 'other', kind: 'upload', name: 'b.mp4' };
  const plans = planJob(
    parseJobSpec({
      v: 1,
      sources: [source, other],
      stages: [detect],
      outputs: [video('detect'), { id: 'e', kind: 'events', from: 'other' }],
    }),
  );
  expect(plans.map(({ detect, video, events }) => [detect !== null, video !== null, events])).toEqual([
    [true, true, false],
    [false, false, true],
  ]);
});

it('an overlay without a detection, two videos of one source, and a video of still pictures are refused', () => {
  expect(refusal(job({ stages: [{ ...overlay, from: 'in' }], outputs: [video('overlay')] }))).toBe(
    'job-invalid',
  );
  expect(refusal(job({ outputs: [video('in'), { ...video('in'), id: 'v2' }] }))).toBe('job-invalid');
  const stills = { id: 'in', kind: 'snapshots', files: ['a.jpg'] };
  expect(refusal(job({ sources: [stills], outputs: [video('in')] }))).toBe('job-invalid');
});

it('a track stage stands on a detection, and an overlay or events may stand on it', () => {
  const track = { id: 'track', kind: 'track', from: 'detect' };
  const events = { id: 'e', kind: 'events', from: 'track' };
  const stages = [detect, track, { ...overlay, from: 'track' }];
  const [plan] = planJob(job({ stages, outputs: [video('overlay'), events] }));
  expect(plan).toMatchObject({ track: true, events: true, video: { drawn: true } });
  expect(planJob(job({ stages: [detect], outputs: [video('detect')] }))[0]!.track).toBe(false);
  expect(refusal(job({ stages: [{ ...track, from: 'in' }], outputs: [video('in')] }))).toBe('job-invalid');
  const stills = { id: 'in', kind: 'snapshots', files: ['a.jpg'] };
  expect(refusal(job({ sources: [stills], stages: [detect, track], outputs: [events] }))).toBe('job-invalid');
});
