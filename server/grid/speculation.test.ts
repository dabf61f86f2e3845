import { describe, expect, it } from 'vitest';
import type { Straggler } from '../store/speculation.ts';
import { CAPABILITIES } from '../testing-node.ts';
import type { TaskNeeds } from './needs.ts';
import { type Idle, secondAttempts } from './speculation.ts';

const needs: TaskNeeds = {
  ...{
    tenant: 'te',
    trust: 'untrusted',
    region: null,
    labels: [],
    backend: 'cpu',
    encode: null,
    encoderClass: null,
    work: 'detect',
  },
};

const node = (id: string, fps: number): Idle => ({
  ...{
    id,
    tenant: 'te',
    operator: true,
    trust: 'trusted',
    region: null,
    labels: [],
    capabilities: CAPABILITIES,
  },
  speeds: { cpu: { detect: fps } },
});

const straggler = (task: string, more: Partial<Straggler> = {}): Straggler => ({
  ...{ task, job: 'j', needs, frames: 300, done: 100, fps: 10, seconds: 10 },
  ...{ node: 'slow', away: null, triedOn: ['slow'] },
  ...more,
});

const choose = (stragglers: Straggler[], idle: Idle[], speed = 10) =>
  secondAttempts(stragglers, idle, () => node('slow', speed));

describe('a segment that holds up its job', () => {
  it('is given to an idle node that would be done sooner', () => {
    // 20 s are left here; all of it takes the other 30 / 4 s.
    expect(choose([straggler('t')], [node('fast', 40)])).toEqual([{ task: 't', node: 'fast' }]);
  });

  it('stays where it is when the idle node is no faster, or not by enough', () => {
    expect(choose([straggler('t')], [node('same', 10)])).toEqual([]);
    expect(choose([straggler('t')], [node('faster', 20)])).toEqual([]);
  });

  it('stays where it is when it is nearly done', () => {
    expect(choose([straggler('t', { done: 280 })], [node('fast', 40)])).toEqual([]);
  });

  it('is taken from a node that does nothing with it, but not before that had time to begin', () => {
    const still = { done: 0, fps: 0 };
    expect(choose([straggler('t', { ...still, seconds: 5 })], [node('same', 10)])).toEqual([]);
    expect(choose([straggler('t', { ...still, seconds: 20 })], [node('same', 10)])).toEqual([
      { task: 't', node: 'same' },
    ]);
  });

  it('is taken over from a node that is not connected, but not while that may be connecting anew', () => {
    const nearlyDone = { done: 290 };
    expect(choose([straggler('t', { ...nearlyDone, away: 1 })], [node('same', 10)])).toEqual([]);
    expect(choose([straggler('t', { ...nearlyDone, away: 5 })], [node('same', 10)])).toEqual([
      { task: 't', node: 'same' },
    ]);
  });

  it('is taken over only then when nobody can say how far it is', () => {
    const look = { frames: null, done: 0, fps: 0, seconds: 600 };
    expect(choose([straggler('t', look)], [node('fast', 40)])).toEqual([]);
    expect(choose([straggler('t', { ...look, away: 1 })], [node('fast', 40)])).toEqual([]);
    expect(choose([straggler('t', { ...look, away: 5 })], [node('fast', 40)])).toEqual([
      { task: 't', node: 'fast' },
    ]);
  });

  it('goes to no node that had it, or could not do it', () => {
    const tried = straggler('t', { triedOn: ['slow', 'fast'] });
    expect(choose([tried], [node('fast', 40)])).toEqual([]);
    const gpu = straggler('t', { needs: { ...needs, backend: 'webgpu' } });
    expect(choose([gpu], [node('fast', 40)])).toEqual([]);
  });

  it('comes first when it is the slowest, and each idle node takes one', () => {
    const some = [straggler('near', { done: 200, seconds: 20 }), straggler('far', { done: 50, fps: 5 })];
    expect(choose(some, [node('fast', 100)])).toEqual([{ task: 'far', node: 'fast' }]);
    expect(choose(some, [node('fast', 100), node('faster', 200)])).toEqual([
      { task: 'far', node: 'faster' },
      { task: 'near', node: 'fast' },
    ]);
  });
});
