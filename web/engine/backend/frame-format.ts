import type { ColorSpec } from '../../../kernels/index.ts';

/** Formats that every encoder takes: 8-bit 4:2:0, and whatever a hardware decoder keeps to itself. */
export const isEncodable = ({ format }: VideoFrame) =>
  format === 'I420' || format === 'NV12' || format === null;

/** What RGB is turned into: what players expect of a video that says nothing. */
export const BT709_LIMITED: VideoColorSpaceInit = {
  primaries: 'bt709',
  transfer: 'bt709',
  matrix: 'bt709',
  fullRange: false,
};

/** A frame that does not say its colours is taken for BT.709 in high definition and BT.601 below, as players do. */
export function colorSpecOf(frame: VideoFrame): ColorSpec {
  const { matrix, fullRange } = frame.colorSpace;
  const named: Record<string, ColorSpec['matrix']> = {
    bt709: 'bt709',
    smpte170m: 'bt601',
    bt470bg: 'bt601',
    'bt2020-ncl': 'bt2020',
    rgb: 'rgb',
  };
  const { width, height } = frame.visibleRect!;
  const guess = width >= 1280 || height > 576 ? 'bt709' : 'bt601';
  return { matrix: (matrix && named[matrix]) || guess, fullRange: fullRange ?? false };
}
