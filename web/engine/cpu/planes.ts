import {
  type ColorSpec,
  isKnownFormat,
  type Orientation,
  type Picture,
  packedLayout,
  pictureOver,
  toI420Cpu,
  UPRIGHT,
  uprightSize,
} from '../../../kernels/index.ts';
import { BT709_LIMITED, colorSpecOf } from '../backend/frame-format.ts';

/** A frame's own planes in memory: no colour conversion, no canvas. */
export interface FramePlanes {
  buffer: ArrayBuffer;
  format: string;
  picture: Picture;
}

/** Memory for planes, used again: the page faults of fresh memory cost ten times what the copy does. */
export class PlaneBuffers {
  /** Kept at most: those of sizes that no longer come make room, oldest first. */
  static readonly #MOST = 8;

  #free: ArrayBuffer[] = [];

  /** What is in it is old: whoever takes it writes all of it. */
  take(byteLength: number): ArrayBuffer {
    const at = this.#free.findLastIndex((buffer) => buffer.byteLength === byteLength);
    return at < 0 ? new ArrayBuffer(byteLength) : this.#free.splice(at, 1)[0]!;
  }

  /** Nobody may look at it any more. */
  give({ buffer }: FramePlanes): void {
    this.#free.push(buffer);
    if (this.#free.length > PlaneBuffers.#MOST) this.#free.shift();
  }
}

/**
 * Copies the visible part of a frame, tightly packed. A frame whose format the browser keeps to itself (a hardware
 * decoder's) comes as RGBA: the only conversion `copyTo` knows.
 */
export async function copyPlanes(frame: VideoFrame, buffers = new PlaneBuffers()): Promise<FramePlanes> {
  const native = isKnownFormat(frame.format);
  const format = native ? frame.format! : 'RGBA';
  const { width, height } = frame.visibleRect!;
  const { byteLength, layout } = packedLayout(format, width, height);
  const buffer = buffers.take(byteLength);
  const rect = { x: frame.visibleRect!.x, y: frame.visibleRect!.y, width, height };
  await frame.copyTo(buffer, { rect, layout, ...(!native && { format: 'RGBA' }) });
  return { buffer, format, picture: pictureOver(buffer, format, width, height, colorSpecOf(frame)) };
}

/**
 * The picture as upright 8-bit I420; the planes themselves when they are that already.
 * @param width of the new picture, px, whose left part this one becomes; the rest is black. Default: its own.
 */
export function toUprightI420(
  planes: FramePlanes,
  orientation: Orientation,
  buffers: PlaneBuffers,
  width?: number,
): FramePlanes {
  const upright = orientation.rotation === 0 && !orientation.flip;
  const size = uprightSize(planes.picture.width, planes.picture.height, orientation);
  const across = width ?? size.width;
  if (upright && planes.format === 'I420' && across === size.width) return planes;
  const { byteLength } = packedLayout('I420', across, size.height);
  const buffer = buffers.take(byteLength);
  // RGB becomes BT.709, limited range: what players expect of a video that says nothing.
  const color: ColorSpec =
    planes.picture.color.matrix === 'rgb' ? { matrix: 'bt709', fullRange: false } : planes.picture.color;
  const picture = pictureOver(buffer, 'I420', across, size.height, color);
  if (across > size.width) blacken(picture);
  toI420Cpu(planes.picture, upright ? UPRIGHT : orientation, partOf(picture, 0, size.width));
  return { buffer, format: 'I420', picture };
}

/** A part of a picture, all of its height. @param left even. */
export const partOf = (picture: Picture, left: number, width: number): Picture => ({
  ...picture,
  width,
  planes: picture.planes.map((plane) => ({
    ...plane,
    offset: plane.offset + (left >> plane.subX) * plane.step,
  })) as Picture['planes'],
});

function blacken({ planes: [y, u], color }: Picture): void {
  // One buffer holds all three planes, luma first.
  y.data.fill(color.fullRange ? 0 : 16, 0, u.offset);
  y.data.fill(128, u.offset);
}

/** A new frame with a copy of I420 planes, and the times and colours of the frame that it was made of. */
export function frameOver({ buffer, picture }: FramePlanes, like: FrameLike): VideoFrame {
  const { width, height } = picture;
  return new VideoFrame(buffer, {
    format: 'I420',
    codedWidth: width,
    codedHeight: height,
    timestamp: like.timestamp,
    ...(like.duration !== null && { duration: like.duration }),
    layout: packedLayout('I420', width, height).layout,
    colorSpace: picture.color.matrix === 'bt709' && like.rgb ? BT709_LIMITED : like.colorSpace,
  });
}

/** What a new frame takes over from the one it was made of, kept after that one is closed. */
export interface FrameLike {
  timestamp: number;
  duration: number | null;
  colorSpace: VideoColorSpaceInit;
  rgb: boolean;
}

export function likeOf(frame: VideoFrame): FrameLike {
  const { primaries, transfer, matrix, fullRange } = frame.colorSpace;
  return {
    timestamp: frame.timestamp,
    duration: frame.duration,
    colorSpace: { primaries, transfer, matrix, fullRange },
    rgb:
      !isKnownFormat(frame.format) || colorSpecOf(frame).matrix === 'rgb' || /^(RGB|BGR)/.test(frame.format),
  };
}
