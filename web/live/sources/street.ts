import { packedLayout } from '../../../kernels/index.ts';
import { StreetPainter } from '../../engine/source/street.ts';
import { trackOfPictures } from './picture-track.ts';
import type { OpenSource } from './source.ts';

/** What the processor paints beside all else. */
const STREET = { width: 640, height: 360, fps: 15 };

/** A synthetic street that is painted as it plays: a source for who has no camera, nor wants to show what it sees. */
export function openStreet(seed = 7): OpenSource {
  const painter = new StreetPainter(
    { kind: 'street', id: 'street', frames: 1, realtime: true, seed, ...STREET },
    1,
  );
  const track = trackOfPictures(STREET.fps, async (index) => {
    const { planes } = await painter.paint(index);
    const { width, height, fps } = STREET;
    return new VideoFrame(planes, {
      ...{ format: 'I420', codedWidth: width, codedHeight: height },
      timestamp: Math.round((index / fps) * 1e6),
      duration: Math.round(1e6 / fps),
      layout: packedLayout('I420', width, height).layout,
      colorSpace: { primaries: 'bt709', transfer: 'bt709', matrix: 'bt709', fullRange: false },
    });
  });
  const close = () => {
    track.close();
    painter.close();
  };
  return { name: 'street', stream: new MediaStream([track.track]), player: null, close };
}
