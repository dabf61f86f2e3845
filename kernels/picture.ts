/**
 * What a kernel sees of a picture in memory: samples in planes, whatever the pixel format. One description serves
 * I420, NV12, 10-bit and RGBA alike, so that no kernel needs a conversion pass before it.
 */

/** How YUV samples become RGB. `rgb` means that the planes already hold R, G, B. */
export interface ColorSpec {
  matrix: 'bt601' | 'bt709' | 'bt2020' | 'rgb';
  /** True: 0–255 (JPEG range). False: 16–235 luma, 16–240 chroma, scaled up with the bit depth. */
  fullRange: boolean;
}

/** One component (Y, U, V, R, G or B). Offsets and strides count samples of `data`, not bytes. */
export interface Plane {
  data: Uint8Array | Uint16Array;
  /** Index of the sample at the top left of the visible picture. */
  offset: number;
  /** Samples from a row to the next. */
  stride: number;
  /** Samples from a pixel to its right neighbour: 1 planar, 2 in NV12's UV, 4 in RGBA. */
  step: number;
  /** log2 of the horizontal and vertical subsampling: 0 or 1. */
  subX: 0 | 1;
  subY: 0 | 1;
}

/** A picture before rotation. `planes` are Y, U, V or R, G, B, in this order. */
export interface Picture {
  width: number;
  height: number;
  /** Significant bits of a sample: 8, 10 or 12. */
  bits: 8 | 10 | 12;
  planes: [Plane, Plane, Plane];
  color: ColorSpec;
}

/** How a stored picture is turned to be shown: first rotated clockwise, then mirrored left to right. */
export interface Orientation {
  rotation: 0 | 90 | 180 | 270;
  flip: boolean;
}

export const UPRIGHT: Orientation = { rotation: 0, flip: false };

interface FormatTraits {
  bits: 8 | 10 | 12;
  subX: 0 | 1;
  subY: 0 | 1;
  kind: 'planar' | 'semiplanar' | 'rgbx' | 'bgrx';
}

const planar = (bits: 8 | 10 | 12, subX: 0 | 1, subY: 0 | 1): FormatTraits => ({
  bits,
  subX,
  subY,
  kind: 'planar',
});

/** WebCodecs' `VideoPixelFormat`s. Alpha planes are carried and ignored. */
const FORMATS: Record<string, FormatTraits> = {
  I420: planar(8, 1, 1),
  I420A: planar(8, 1, 1),
  I422: planar(8, 1, 0),
  I422A: planar(8, 1, 0),
  I444: planar(8, 0, 0),
  I444A: planar(8, 0, 0),
  I420P10: planar(10, 1, 1),
  I422P10: planar(10, 1, 0),
  I444P10: planar(10, 0, 0),
  I420P12: planar(12, 1, 1),
  I422P12: planar(12, 1, 0),
  I444P12: planar(12, 0, 0),
  NV12: { bits: 8, subX: 1, subY: 1, kind: 'semiplanar' },
  RGBA: { bits: 8, subX: 0, subY: 0, kind: 'rgbx' },
  RGBX: { bits: 8, subX: 0, subY: 0, kind: 'rgbx' },
  BGRA: { bits: 8, subX: 0, subY: 0, kind: 'bgrx' },
  BGRX: { bits: 8, subX: 0, subY: 0, kind: 'bgrx' },
};

export const isKnownFormat = (format: string | null): format is string =>
  format !== null && format in FORMATS;

/** Size of a chroma row or column: an odd luma size rounds up. */
export const subsampled = (size: number, sub: 0 | 1): number => (size + sub) >> sub;

/** Where one WebCodecs plane lies in a buffer, as `VideoFrame.copyTo` reports and takes it: bytes. */
export interface PlaneLayout {
  offset: number;
  stride: number;
}

/** Tightly packed layout of a whole frame: planes one after another. `byteLength` and layouts in bytes. */
export function packedLayout(
  format: string,
  width: number,
  height: number,
): { byteLength: number; layout: PlaneLayout[] } {
  const traits = FORMATS[format]!;
  const bytes = traits.bits > 8 ? 2 : 1;
  const chromaWidth = subsampled(width, traits.subX);
  const chromaHeight = subsampled(height, traits.subY);
  const rows: [stride: number, height: number][] =
    traits.kind === 'planar'
      ? [
          [width * bytes, height],
          [chromaWidth * bytes, chromaHeight],
          [chromaWidth * bytes, chromaHeight],
          ...(format.includes('A') ? ([[width * bytes, height]] as [number, number][]) : []),
        ]
      : traits.kind === 'semiplanar'
        ? [
            [width, height],
            [chromaWidth * 2, chromaHeight],
          ]
        : [[width * 4, height]];
  let offset = 0;
  const layout = rows.map(([stride, height]) => {
    const plane = { offset, stride };
    offset += stride * height;
    return plane;
  });
  return { byteLength: offset, layout };
}

/** A {@link Picture} over a buffer that `VideoFrame.copyTo` filled, or that will be handed to `new VideoFrame`. */
export function pictureOver(
  buffer: ArrayBuffer,
  format: string,
  width: number,
  height: number,
  color: ColorSpec,
  layout: PlaneLayout[] = packedLayout(format, width, height).layout,
): Picture {
  const traits = FORMATS[format]!;
  const bytes = traits.bits > 8 ? 2 : 1;
  const data = bytes === 2 ? new Uint16Array(buffer) : new Uint8Array(buffer);
  const plane = (index: number, extra: number, step: number, subX: 0 | 1, subY: 0 | 1): Plane => ({
    data,
    offset: layout[index]!.offset / bytes + extra,
    stride: layout[index]!.stride / bytes,
    step,
    subX,
    subY,
  });
  const { subX, subY } = traits;
  const planes: Picture['planes'] =
    traits.kind === 'planar'
      ? [plane(0, 0, 1, 0, 0), plane(1, 0, 1, subX, subY), plane(2, 0, 1, subX, subY)]
      : traits.kind === 'semiplanar'
        ? [plane(0, 0, 1, 0, 0), plane(1, 0, 2, 1, 1), plane(1, 1, 2, 1, 1)]
        : traits.kind === 'rgbx'
          ? [plane(0, 0, 4, 0, 0), plane(0, 1, 4, 0, 0), plane(0, 2, 4, 0, 0)]
          : [plane(0, 2, 4, 0, 0), plane(0, 1, 4, 0, 0), plane(0, 0, 4, 0, 0)];
  const rgb = traits.kind === 'rgbx' || traits.kind === 'bgrx';
  return {
    width,
    height,
    bits: traits.bits,
    planes,
    color: rgb ? { matrix: 'rgb', fullRange: true } : color,
  };
}
