import { expect, it } from 'vitest';
import { DETECTION_BYTES, detectionsByteLength } from '../detections.ts';
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
  seeded,
  storedPosition,
  whole,
  worstDifference,
  YOLOX_SPEC,
} from '../testing.ts';
import { onDevice, rgbaTexture, runAndReadTexture, storageBuffer } from '../testing-gpu.ts';
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
      const detections = storageBuffer(device, new Float32Array(detectionBytes(found)));
      const pixels = await runAndReadTexture(device, target, (encoder) => {
        kernel.encode(encoder, source, view, target.createView(), { detections, letterbox: spec });
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
      kernel.encode(encoder, source, view, target.createView(), null);
    });
    frame.close();
    kernel.destroy();
    // Turned clockwise, what was left is on top.
    const rowMean = (y: number) => pixels[4 * (24 * y + 12)]!;
    expect(rowMean(4)).toBeLessThan(60);
    expect(rowMean(27)).toBeGreaterThan(190);
    expect(pixels[3]).toBe(255);
  }));

interface Found {
  corners: number[];
  score: number;
  classId: number;
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
      return { corners: corners.map(Math.fround), score: Math.fround(score), classId: whole(random, 0, 4) };
    });
}

function detectionBytes(found: Found[]): ArrayBuffer {
  const bytes = new ArrayBuffer(detectionsByteLength(found.length));
  new Uint32Array(bytes)[0] = found.length;
  found.forEach(({ corners, score, classId }, i) => {
    const at = (1 + i) * DETECTION_BYTES;
    new Float32Array(bytes, at).set([...corners, score]);
    new Uint32Array(bytes, at + 20).set([classId, i]);
  });
  return bytes;
}

function itemsOf(
  found: Found[],
  view: View,
  spec: LetterboxSpec,
  target: { width: number; height: number },
): OverlayItem[] {
  const geometry = letterboxGeometry(view, spec);
  const [scaleX, scaleY] = [target.width / view.displayWidth, target.height / view.displayHeight];
  return found.toReversed().map(({ corners, score, classId }) => {
    const [x, y, width, height] = modelToDisplay(corners, geometry, view);
    return {
      box: [x * scaleX, y * scaleY, width * scaleX, height * scaleY],
      classId,
      label: labelOf(CLASS_NAMES[classId]!, score),
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
