import { describe, expect, it } from 'vitest';
import type { EventLine, FrameEvent, Segment } from '../../../protocol/index.ts';
import { joinEvents } from './join-events.ts';

const part = (ordinal: number): { segment: Segment } => ({
  segment: {
    ...{ ordinal, firstFrame: 10 * ordinal, frames: 10 },
    ...{ firstTime: 400_000 * ordinal, lastTime: 400_000 * ordinal + 360_000 },
    warmUp: { frame: 10 * ordinal, time: 400_000 * ordinal },
    fps: 25,
  },
});

const source = {
  ...{ v: 1, type: 'source', source: 'in', name: 'clip.mp4', width: 320, height: 180, fps: 25, frames: 20 },
  ...{ duration: 0.8, codec: 'avc1.640028', backend: 'cpu', backendReason: 'it was asked for', models: {} },
};
const frame = (index: number) => ({
  ...{ v: 1, type: 'frame', source: 'in', frame: index, time: index / 25 },
  detections: [{ class: 'car', id: 1, score: 0.5, box: [1, 2, 3, 4] }],
});
const summary = { v: 1, type: 'summary', source: 'in', frames: 10 };

const linesOf = (ordinal: number): (object | string)[] => [
  source,
  ...Array.from({ length: 10 }, (_, i) => frame(10 * ordinal + i)),
  summary,
];

async function joined(
  segments: (object | string)[][],
  follow: ((frame: FrameEvent) => Promise<FrameEvent>) | null = null,
): Promise<EventLine[]> {
  const files = segments.map((lines) =>
    new TextEncoder().encode(
      lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''),
    ),
  );
  const events: EventLine[] = [];
  await joinEvents(
    'in',
    files.map((_, place) => part(place)),
    async (place) => ({ read: async (start, end) => files[place]!.subarray(start, end) }),
    async (lines) => {
      events.push(...lines);
    },
    follow,
  );
  return events;
}

describe('the events of segments', () => {
  it('come to one line of the source and one of each frame, as they are', async () => {
    const whole = [source, ...Array.from({ length: 20 }, (_, i) => frame(i))];
    expect(JSON.stringify(await joined([linesOf(0), linesOf(1)]))).toBe(JSON.stringify(whole));
  });

  it('are followed in their order', async () => {
    const seen: number[] = [];
    await joined([linesOf(0), linesOf(1)], async (event) => {
      seen.push(event.frame);
      return event;
    });
    expect(seen).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  const changed = (at: number, change: object) =>
    linesOf(1).map((line, place) => (place === at ? { ...(line as object), ...change } : line));

  it.each<[string, (object | string)[]]>([
    ['lack a frame', linesOf(1).toSpliced(4, 1)],
    ['have one twice', linesOf(1).toSpliced(4, 0, frame(13))],
    ['end too early', linesOf(1).slice(0, 6)],
    ['are of another source', changed(3, { source: 'other' })],
    ['are of a source of another name', changed(0, { source: 'other' })],
    ['tell of the source twice', [source, ...linesOf(1)]],
    ['are at a time outside their segment', changed(10, { time: 0.9 })],
    ['go back in time', changed(4, { time: 0.4 })],
    ['have a field that nobody knows', changed(4, { remark: 'hello' })],
    ['have a detection that is none', changed(4, { detections: [{ class: 'car' }] })],
    ['have a source with a field that nobody knows', changed(0, { remark: 'hello' })],
    ['are of no kind that is known', linesOf(1).toSpliced(4, 0, { type: 'remark' })],
    ['are no object', linesOf(1).toSpliced(4, 0, 'null')],
    ['are no JSON', linesOf(1).toSpliced(4, 0, '{"v":1')],
  ])('that %s are refused, and their segment is named', async (_what, lines) => {
    await expect(joined([linesOf(0), lines])).rejects.toMatchObject({ code: 'segment-short', ordinal: 1 });
  });
});
