import { expect, it } from 'vitest';
import type { ResultFile } from '../../../protocol/index.ts';
import { groupResults } from './result-groups.ts';

const file = (output: string, name: string): ResultFile => ({
  ...{ task: 0, source: 'in', output, name, bytes: 1, parts: [], partBytes: 1, indexAtEnd: false },
  path: `/${output}/${name}`,
});
const names = (files: readonly ResultFile[]) => files.map(({ name }) => name);

it('puts the video and the events before everything of which there are many', () => {
  const maps = Array.from({ length: 50 }, (_, i) => file('maps', `frame-${i}.png`));
  const { playable, first, many } = groupResults(
    [...maps.toReversed(), file('out', 'out.mp4'), file('events', 'events.ndjson')],
    [
      { id: 'maps', kind: 'depth-maps' },
      { id: 'events', kind: 'events' },
      { id: 'out', kind: 'video' },
    ],
  );
  expect(names(playable)).toEqual(['out.mp4']);
  expect(names(first)).toEqual(['out.mp4', 'events.ndjson']);
  expect(many.map(({ output, what, files }) => [output, what, files.length])).toEqual([
    ['maps', 'depth maps', 50],
  ]);
  expect(names(many[0]!.files)).toEqual(names(maps));
});

it('plays a playlist, and keeps its pieces together', () => {
  const { playable, first, many } = groupResults(
    ['out-1-1.mp4', 'out-1.m3u8', 'out.m3u8', 'out-1-2.mp4'].map((name) => file('out', name)),
    [{ id: 'out', kind: 'video' }],
  );
  expect(names(playable)).toEqual(['out.m3u8', 'out-1.m3u8']);
  expect(names(first)).toEqual(['out.m3u8', 'out-1.m3u8']);
  expect(many.map(({ what, files }) => [what, names(files)])).toEqual([
    ['pieces of the playlist', ['out-1-1.mp4', 'out-1-2.mp4']],
  ]);
});
