import { afterAll, beforeAll, expect, it } from 'vitest';
import { OverlayGpu, UPRIGHT } from '../../../kernels/index.ts';
import { rgbaTexture } from '../../../kernels/testing-gpu.ts';
import { copyPlanes } from '../cpu/planes.ts';
import { chooseFrameOut, tryOut } from './choose-frame-out.ts';
import { createFrameOut, type FrameOutWay } from './frame-out.ts';
import type { Gpu } from './gpu.ts';
import { openGpu } from './testing.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.close());

const WAYS: FrameOutWay[] = ['canvas', 'planes'];

it.each(WAYS)(
  'frames out by %s have the right pixels, each its own, and an encoder takes them',
  async (way) => {
    const { fault, ms } = await tryOut(gpu, way);
    expect(fault).toBeNull();
    expect(ms).toBeLessThan(Number.POSITIVE_INFINITY);
  },
);

it.each(WAYS)(
  'frames out by %s carry their times, and odd sizes keep their last row and column',
  async (way) => {
    const [width, height] = [31, 17];
    const out = createFrameOut(way, gpu, { width, height, matrix: 'bt601' });
    const overlay = new OverlayGpu(gpu.device, {
      width,
      height,
      format: out.format,
      classNames: [],
      kind: 'texture',
    });
    const white = rgbaTexture(gpu.device, 1, 1, Uint8Array.of(255, 255, 255, 255));
    const encoder = gpu.device.createCommandEncoder();
    const view = { displayWidth: width, displayHeight: height, orientation: UPRIGHT };
    const frame = await out.submit(
      encoder,
      (target) => overlay.encode(encoder, white.createView(), view, target, { boxes: null, depth: null }),
      { timestamp: 12_345, duration: 678 },
    );
    expect([frame.timestamp, frame.duration]).toEqual([12_345, 678]);
    expect([frame.visibleRect!.width, frame.visibleRect!.height]).toEqual([width, height]);
    if (way === 'planes') expect(frame.colorSpace.matrix).toBe('smpte170m');
    const { picture } = await copyPlanes(frame);
    frame.close();
    const { data, offset, stride, step } = picture.planes[0];
    const last = data[offset + (height - 1) * stride + (width - 1) * step]!;
    expect(last).toBeGreaterThanOrEqual(way === 'planes' ? 234 : 254);
    overlay.destroy();
    out.destroy();
  },
);

it('the choice says how it was made', async () => {
  const { way, words } = await chooseFrameOut(gpu);
  expect(WAYS).toContain(way);
  expect(words).toMatch(
    /^(canvas|planes) \(canvas: .+; planes: [\d.]+ ms a frame; at 1280×720, encode included\)$/,
  );
});
