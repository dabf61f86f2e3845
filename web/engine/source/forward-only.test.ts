import { describe, expect, it } from 'vitest';
import { ForwardOnly } from './forward-only.ts';

/** Times of keyframes have a k. */
function through(...packets: string[]): { taken: string[]; back: number[] } {
  const back: number[] = [];
  const forward = new ForwardOnly((seconds) => back.push(seconds));
  const taken = packets.filter((packet) =>
    forward.takes({ type: packet.endsWith('k') ? 'key' : 'delta', timestamp: Number.parseInt(packet, 10) }),
  );
  return { taken, back };
}

describe('packets that go forward only', () => {
  it.each([
    ['in presentation order', ['0k', '1', '2', '3k', '4']],
    ['reordered', ['0k', '3', '1', '2', '4k', '7', '5', '6']],
    ['of open groups', ['0k', '3', '1', '2', '6k', '4', '5', '9', '7', '8']],
    ['with gaps', ['0k', '1', '90k', '91']],
  ])('are all those of a stream %s', (_what, packets) => {
    expect(through(...packets)).toEqual({ taken: packets, back: [] });
  });

  it('are not those of a second recording, up to where it goes beyond the first', () => {
    const { taken, back } = through('0k', '1', '2', '3k', '4', '0k', '1', '2', '3k', '4', '6k', '7');
    expect(taken).toEqual(['0k', '1', '2', '3k', '4', '6k', '7']);
    expect(back).toEqual([4]);
  });

  it('begin again with a keyframe', () => {
    const { taken } = through('0k', '1', '2k', '3', '0', '4', '5', '6k', '7');
    expect(taken).toEqual(['0k', '1', '2k', '3', '6k', '7']);
  });
});
