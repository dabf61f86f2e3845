import { expect, it } from 'vitest';
import { DepthColorCpu } from '../depth-color/depth-color.cpu.ts';
import { packDetections } from '../detections.ts';
import {
  type LetterboxSpec,
  letterboxGeometry,
  modelToDisplay,
  uprightSize,
  type View,
} from '../geometry.ts';
import { type Orientation, packedLayout, pictureOver } from '../picture.ts';
import {
  BT709,
  ORIENTATIONS,
  pick,
  seeded,
  storedPosition,
  whole,
  worstDifference,
  YOLOX_SPEC,
} from '../testing.ts';
import { onDevice, rgbaTexture, runAndReadTexture, storageBuffer } from '../testing-gpu.ts';
import { arrange } from './arrange.ts';
import { labelOf, OverlayCpu, type OverlayItem } from './overlay.cpu.ts';
import { OverlayGpu } from './overlay.gpu.ts';

const CLASS_NAMES = ['person', 'traffic light', 'café', '', 'x'.repeat(60)];

it('the GPU draws boxes and labels as its CPU twin does, on every orientation of the frame', () =>
  onDevice(async (device) => {
    const random = seeded(21);
    for (const orientation of ORIENTATIONS) {
      const [width, height] = [whole(random, 150, 260), whole(random, 120, 200)];
      const stored = noisePixels(random, width, height);
      const upright = uprightSize(width, height, orientation);
      // Boxes are in displayed px, which pixel aspect makes other than the target's.
      const view: View = { displayWidth: 2 * upright.width, displayHeight: upright.height, orientation };
      const spec: LetterboxSpec = { ...YOLOX_SPEC, placement: 'center', width: 320, height: 256 };
      const found = randomDetections(random, spec, 25);

      const target = rgbaTexture(device, upright.width, upright.height);
      const kernel = new OverlayGpu(device, {
        ...upright,
        format: 'rgba8unorm',
        classNames: CLASS_NAMES,
        kind: 'texture',
      });
      const source = rgbaTexture(device, width, height, stored).createView();
      const detections = storageBuffer(device, new Float32Array(packDetections(found, found.length)));
      const pixels = await runAndReadTexture(device, target, (encoder) => {
        kernel.encode(encoder, source, view, target.createView(), {
          boxes: { detections, letterbox: spec },
          depth: null,
        });
      });
      kernel.destroy();

      const expected = turned(stored, width, height, orientation);
      const picture = pictureOver(expected.buffer, 'RGBA', upright.width, upright.height, BT709);
      new OverlayCpu(upright.width, upright.height).draw(picture, itemsOf(found, view, spec, upright));
      expect(worstDifference(pixels, expected)).toBeLessThanOrEqual(2);
    }
  }));

it('the GPU shows a VideoFrame alone, upright and scaled', () =>
  onDevice(async (device) => {
    const [width, height] = [64, 48];
    const { byteLength } = packedLayout('I420', width, height);
    const data = new Uint8Array(byteLength).fill(128);
    // Left half dark, right half bright.
    for (let i = 0; i < width * height; i++) data[i] = i % width < width / 2 ? 40 : 200;
    const frame = new VideoFrame(data, {
      format: 'I420',
      codedWidth: width,
      codedHeight: height,
      timestamp: 0,
    });
    const kernel = new OverlayGpu(device, { width: 24, height: 32, format: 'rgba8unorm', classNames: [] });
    const target = rgbaTexture(device, 24, 32);
    const view: View = { displayWidth: 48, displayHeight: 64, orientation: { rotation: 90, flip: false } };
    const pixels = await runAndReadTexture(device, target, (encoder) => {
      const source = device.importExternalTexture({ source: frame });
      kernel.encode(encoder, source, view, target.createView(), { boxes: null, depth: null });
    });
    frame.close();
    kernel.destroy();
    // Turned clockwise, what was left is on top.
    const rowMean = (y: number) => pixels[4 * (24 * y + 12)]!;
    expect(rowMean(4)).toBeLessThan(60);
    expect(rowMean(27)).toBeGreaterThan(190);
    expect(pixels[3]).toBe(255);
  }));

it.each(['overlay', 'side-by-side', 'depth'] as const)('depth is shown in the layout "%s"', (layout) =>
  onDevice(async (device) => {
    const [width, height] = [31, 24];
    const target = arrange(layout, width, height);
    const random = seeded(22);
    const stored = noisePixels(random, width, height);
    const map = { width: 5, height: 4 };
    const shares = Float32Array.from({ length: 20 }, random);
    const kernel = new OverlayGpu(device, {
      ...{ width, height, layout, classNames: [] },
      format: 'rgba8unorm',
      kind: 'texture',
    });
    const texture = rgbaTexture(device, target.width, target.height);
    const depth = { shares: storageBuffer(device, shares), ...map };
    const view = { displayWidth: width, displayHeight: height, orientation: ORIENTATIONS[0]! };
    const pixels = await runAndReadTexture(device, texture, (encoder) => {
      const source = rgbaTexture(device, width, height, stored).createView();
      kernel.encode(encoder, source, view, texture.createView(), { boxes: null, depth });
    });
    kernel.destroy();

    const expected = new Uint8Array(4 * target.width * target.height);
    const pictureAt = (left: number) => {
      const layout = [{ offset: 4 * left, stride: 4 * target.width }];
      return pictureOver(expected.buffer, 'RGBA', width, height, BT709, layout);
    };
    if (target.showsPicture)
      for (let y = 0; y < height; y++)
        expected.set(stored.subarray(4 * width * y, 4 * width * (y + 1)), 4 * target.width * y);
    const { left, opacity } = target.depth!;
    new DepthColorCpu().draw(pictureAt(left), { shares, ...map }, opacity);
    for (let i = 3; i < expected.length; i += 4) expected[i] = pixels[i]!;
    expect(worstDifference(pixels, expected)).toBeLessThanOrEqual(2);
  }),
);

interface Found {
  corners: [number, number, number, number];
  score: number;
  classId: number;
  track?: number;
}

/** Best first, on a grid of model px that keeps roundings away from halves. */
function randomDetections(random: () => number, spec: LetterboxSpec, count: number): Found[] {
  const scores = Array.from({ length: count }, () => random());
  // The scores whose digits are easiest to get wrong.
  scores.splice(0, 6, 1, 0.995, 0.125, 0.005, 0.375, 0);
  return scores
    .sort((a, b) => b - a)
    .map((score) => {
      const [x, y] = [random() * spec.width, random() * spec.height];
      const corners = [x - 60 * random(), y - 60 * random(), x + 60 * random(), y + 60 * random()];
      return {
        corners: corners.map(Math.fround) as Found['corners'],
        score: Math.fround(score),
        classId: whole(random, 0, 4),
        ...(random() < 0.7 && { track: pick(random, [1, 9, 10, 407, 99_999, 1_234_567]) }),
      };
    });
}

function itemsOf(
  found: Found[],
  view: View,
  spec: LetterboxSpec,
  target: { width: number; height: number },
): OverlayItem[] {
  const geometry = letterboxGeometry(view, spec);
  const [scaleX, scaleY] = [target.width / view.displayWidth, target.height / view.displayHeight];
  return found.toReversed().map(({ corners, score, classId, track }) => {
    const [x, y, width, height] = modelToDisplay(corners, geometry, view);
    return {
      box: [x * scaleX, y * scaleY, width * scaleX, height * scaleY],
      classId,
      label: labelOf(CLASS_NAMES[classId]!, score, track),
    };
  });
}

function noisePixels(random: () => number, width: number, height: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: 4 * width * height }, (_, i) =>
    i % 4 === 3 ? 255 : Math.floor(random() * 256),
  );
}

function turned(pixels: Uint8Array, width: number, height: number, orientation: Orientation) {
  const upright = uprightSize(width, height, orientation);
  const out = new Uint8Array(4 * width * height);
  for (let y = 0; y < upright.height; y++) {
    for (let x = 0; x < upright.width; x++) {
      const [sx, sy] = storedPosition(x, y, width, height, orientation);
      const from = 4 * (sy * width + sx);
      out.set(pixels.subarray(from, from + 4), 4 * (y * upright.width + x));
    }
  }
  return out;
}
