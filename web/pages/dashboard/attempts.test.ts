import { describe, expect, it } from 'vitest';
import type { JobDetail } from '../../../protocol/index.ts';
import { eventWords, givenUp, lanesOf, rowsOf, shortName, taskNames } from './attempts.ts';

type Task = JobDetail['taskList'][number];

const at = (second: number) => `2026-05-04T10:00:0${second}.000Z`;

function attempt(id: string, nodeId: string | null, node: string | null, second: number, state = 'done') {
  const times = { startedAt: at(second), endedAt: at(second + 1) };
  return { ...{ id, n: 1, nodeId, node, state, frames: 5, error: null }, ...times };
}

const segment = (ordinal: number): Task['segment'] => ({
  ...{ ordinal, firstFrame: 5 * ordinal, frames: 5, firstTime: ordinal, lastTime: ordinal },
  warmUp: { frame: 0, time: 0 },
  fps: 25,
});

const task = (ordinal: number, kind: string, more: Partial<Task> = {}): Task => ({
  ...{ ordinal, kind, state: 'done', source: 'clip', segment: null, attempts: [], outcome: null },
  ...{ error: null, ...more },
});

/** A source looked at, cut in two, and joined. */
const cut = {
  taskList: [
    task(0, 'probe', { attempts: [attempt('a0', 'n1', 'Chrome on Linux', 0)] }),
    task(1, 'process', { segment: segment(0), attempts: [attempt('a1', 'n1', 'Chrome on Linux', 1)] }),
    task(2, 'process', {
      segment: segment(1),
      attempts: [
        attempt('a2', 'n2', 'Chrome on Linux', 1, 'failed'),
        attempt('a3', 'n1', 'Chrome on Linux', 3),
      ],
    }),
    task(3, 'stitch', { attempts: [attempt('a4', null, null, 5)] }),
  ],
};

it('tasks of a source that is gone through twice are told from each other', () => {
  const twice = {
    taskList: [
      task(0, 'process', { segment: segment(0) }),
      task(1, 'process', { segment: segment(1) }),
      task(2, 'follow'),
      task(3, 'render', { segment: segment(0) }),
      task(4, 'render', { segment: segment(1) }),
    ],
  };
  expect(twice.taskList.map(taskNames(twice))).toEqual([
    ...['segment 1 of 2 of clip', 'segment 2 of 2 of clip', 'following through clip'],
    ...['drawing of segment 1 of 2 of clip', 'drawing of segment 2 of 2 of clip'],
  ]);
});

describe('the lanes of a job', () => {
  it('are one for each node, whatever they are called, and one for the server', () => {
    expect(
      lanesOf(cut).map(({ node, name, attempts }) => [node, name, attempts.map(({ id }) => id)]),
    ).toEqual([
      ['n1', 'Chrome on Linux', ['a0', 'a1', 'a3']],
      ['n2', 'Chrome on Linux 2', ['a2']],
      [null, 'the server', ['a4']],
    ]);
  });

  it('never have one name twice, though a node be called as another one is numbered', () => {
    const names = ['tab', 'tab 2', 'tab', 'tab'].map((name, i) => attempt(`a${i}`, `n${i}`, name, i));
    expect(lanesOf({ taskList: [task(0, 'process', { attempts: names })] }).map(({ name }) => name)).toEqual([
      'tab',
      'tab 2',
      'tab 3',
      'tab 4',
    ]);
  });
});

describe('the tasks of a job', () => {
  it('are called by what they do, segments by their place', () => {
    expect(cut.taskList.map(taskNames(cut))).toEqual([
      'look at clip',
      'segment 1 of 2 of clip',
      'segment 2 of 2 of clip',
      'stitching of clip',
    ]);
    expect(cut.taskList.map(shortName)).toEqual(['look', '1', '2', 'stitch']);
    const whole = task(4, 'process');
    expect([taskNames(cut)(whole), shortName(whole)]).toEqual(['task 5 (clip)', '5']);
  });

  it('that were given up say how often and where they were tried', () => {
    const tries = [
      attempt('a0', 'n1', 'one', 0, 'failed'),
      attempt('a1', 'n2', 'two', 1, 'expired'),
      attempt('a2', 'n1', 'one', 2, 'returned'),
      attempt('a3', 'n1', 'one', 3, 'stalled'),
    ];
    expect(givenUp({ taskList: [task(0, 'process', { state: 'dead', attempts: tries })] })).toBe(
      'Given up after 3 tries on 2 nodes.',
    );
    expect(givenUp({ taskList: [task(0, 'process', { state: 'failed', attempts: tries })] })).toBeNull();
    // No node took it: then that is what there is to say.
    expect(givenUp({ taskList: [task(0, 'process', { state: 'dead' })] })).toBeNull();
  });
});

it('names the node with what happened, also where only the moment tells of it', () => {
  const words = eventWords(cut);
  const event = { id: 1, job: 'j', attempt: null, node: null, data: {} };
  expect([
    words({ ...event, type: 'job.queued', at: at(0), task: null }),
    words({ ...event, type: 'attempt.offered', at: at(1), task: 2, attempt: 'a2', node: 'n2' }),
    words({ ...event, type: 'task.queued', at: at(2), task: 2, data: { error: { message: 'It broke.' } } }),
    words({
      ...{ ...event, type: 'attempt.log', at: at(3), task: 2, attempt: 'a3' },
      data: { message: 'It reads.' },
    }),
    words({ ...event, type: 'task.done', at: at(6), task: 3, attempt: 'a4' }),
  ]).toEqual([
    'The job waits for a node.',
    'Segment 2 of 2 of clip: offered to Chrome on Linux 2',
    'Segment 2 of 2 of clip: to be tried again after Chrome on Linux 2 (It broke.)',
    'Segment 2 of 2 of clip on Chrome on Linux: It reads.',
    'Stitching of clip: done on the server',
  ]);
});

it('what a node had at the same time stands in rows below each other, and those are used again', () => {
  const times: [number, number | null][] = [
    [0, 3],
    [1, 5],
    [3, 6],
    [5, null],
    [5, 7],
  ];
  const attempts = times.map(([begin, end], i) => ({
    ...attempt(`a${i}`, 'n1', 'one', begin),
    endedAt: end === null ? null : at(end),
    task: task(i, 'process'),
  }));
  expect(rowsOf(attempts)).toEqual([0, 1, 0, 1, 2]);
});
