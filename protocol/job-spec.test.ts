import { describe, expect, it } from 'vitest';
import { EdgeRunnerError } from './errors.ts';
import { parseJobSpec } from './job-spec.ts';

const job = {
  v: 1,
  sources: [{ id: 'in', kind: 'upload', name: 'a.mp4' }],
  stages: [{ id: 'detect', kind: 'detect', from: 'in', options: { model: 'yolox-nano' } }],
  outputs: [{ id: 'events', kind: 'events', from: 'detect' }],
};

const refusal = (value: unknown): string => {
  try {
    parseJobSpec(value);
  } catch (error) {
    if (error instanceof EdgeRunnerError && error.code === 'job-invalid') return error.message;
    throw error;
  }
  return 'accepted';
};

describe('a job spec', () => {
  it('gets its defaults', () => {
    const { stages, placement, strict } = parseJobSpec(job);
    expect(stages[0]).toMatchObject({ options: { minScore: 0.3, iou: 0.65, every: 1 } });
    expect(placement.backend).toBe('auto');
    expect(strict).toBe(false);
  });

  it('of another version is refused', () => {
    expect(refusal({ ...job, v: 2 })).toContain('v:');
  });

  it('with an unknown stage kind, field or source kind is refused, naming it', () => {
    expect(refusal({ ...job, stages: [{ id: 'x', kind: 'dream', from: 'in', options: {} }] })).toContain(
      'stages.0.kind',
    );
    expect(refusal({ ...job, surprise: true })).toContain('surprise');
    expect(refusal({ ...job, sources: [{ id: 'in', kind: 'ftp', url: 'ftp://a/b' }] })).toContain(
      'sources.0',
    );
    const kinds = [
      { ...job, sources: [{ id: 'in', kind: 'ftp', url: 'ftp://a/b' }] },
      { ...job, stages: [{ id: 'x', kind: 'dream', from: 'in', options: {} }] },
    ];
    expect(kinds.map((one) => /not "(\w+)"/.exec(refusal(one))?.[1])).toEqual(['ftp', 'dream']);
  });

  it('whose output stands on nothing is refused', () => {
    expect(refusal({ ...job, outputs: [{ id: 'events', kind: 'events', from: 'nowhere' }] })).toContain(
      'nowhere',
    );
  });

  it('with an address that is not http is refused', () => {
    expect(refusal({ ...job, sources: [{ id: 'in', kind: 'http', url: 'file:///etc/passwd' }] })).toContain(
      'url',
    );
  });
});
