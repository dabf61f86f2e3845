import { expect, it } from 'vitest';
import type { LetterboxSpec, View } from '../geometry.ts';
import { type ColorSpec, type Picture, packedLayout, pictureOver } from '../picture.ts';
import { noisePicture, ORIENTATIONS, pick, seeded, whole, worstDifference } from '../testing.ts';
import { onDevice, rgbaTexture, runAndRead, storageBuffer } from '../testing-gpu.ts';
import { letterboxCpu } from './letterbox.cpu.ts';
import { LetterboxGpu } from './letterbox.gpu.ts';

it('the GPU letterboxes a texture as its CPU twin does, in every orientation', () =>
  onDevice(async (device) => {
    const random = seeded(11);
    for (const orientation of ORIENTATIONS) {
      const [width, height] = [whole(random, 9, 60), whole(random, 9, 60)];
      const picture = noisePicture(random, 'RGBA', width, height);
      const pixels = picture.planes[0].data as Uint8Array<ArrayBuffer>;
      const turned = orientation.rotation % 180 !== 0;
      const view: View = {
        displayWidth: Math.round((turned ? height : width) * pick(random, [1, 4 / 3])),
        displayHeight: turned ? width : height,
        orientation,
      };
      const spec = randomSpec(random);
      const texture = rgbaTexture(device, width, height, pixels);
      const kernel = new LetterboxGpu(device, spec, 'texture');
      const found = await letterboxed(device, kernel, texture.createView(), view);
      // Samplers mix with 8 bits of weight: one step of 255 in each of two directions.
      expect(worstDifference(found, expectedOf(picture, view, spec))).toBeLessThan(2.1);
      kernel.destroy();
    }
  }));

it('the GPU letterboxes a VideoFrame as its CPU twin does its planes', () =>
  onDevice(async (device) => {
    const random = seeded(12);
    for (const [matrix, orientation] of [
      ['bt709', ORIENTATIONS[0]!],
      ['bt601', ORIENTATIONS[3]!],
    ] as const) {
      const color: ColorSpec = { matrix, fullRange: false };
      const picture = smoothI420(96, 64, color);
      const frame = frameOver(picture);
      const turned = orientation.rotation % 180 !== 0;
      const view = { displayWidth: turned ? 64 : 96, displayHeight: turned ? 96 : 64, orientation };
      const spec = randomSpec(random);
      const kernel = new LetterboxGpu(device, spec);
      const external = device.importExternalTexture({ source: frame });
      const found = await letterboxed(device, kernel, external, view);
      frame.close();
      kernel.destroy();
      // The browser's own conversion rounds to 8 bits before we sample.
      expect(worstDifference(found, expectedOf(picture, view, spec))).toBeLessThan(4);
    }
  }));

function randomSpec(random: () => number): LetterboxSpec {
  return {
    width: whole(random, 16, 64),
    height: whole(random, 16, 64),
    placement: pick(random, ['top-left', 'center'] as const),
    pad: 114,
    order: pick(random, ['rgb', 'bgr'] as const),
    mean: [10, 20, 30],
    scale: [1, 0.5, 0.25],
  };
}

function expectedOf(picture: Picture, view: View, spec: LetterboxSpec): Float32Array {
  const out = new Float32Array(3 * spec.width * spec.height);
  letterboxCpu(picture, view, spec, out);
  return out;
}

async function letterboxed(
  device: GPUDevice,
  kernel: LetterboxGpu,
  source: GPUTextureView | GPUExternalTexture,
  view: View,
): Promise<Float32Array> {
  const tensor = storageBuffer(device, 12 * kernel.spec.width * kernel.spec.height);
  return new Float32Array(
    await runAndRead(device, tensor, (encoder) => kernel.encode(encoder, source, view, tensor)),
  );
}

/** Gentle waves inside the RGB gamut, so that clamping and chroma filters do not matter. */
function smoothI420(width: number, height: number, color: ColorSpec): Picture {
  const buffer = new ArrayBuffer(packedLayout('I420', width, height).byteLength);
  const picture = pictureOver(buffer, 'I420', width, height, color);
  picture.planes.forEach((plane, index) => {
    for (let y = 0; y < height >> plane.subY; y++) {
      for (let x = 0; x < width >> plane.subX; x++) {
        const wave = Math.sin((x << plane.subX) / 17 + index) * Math.cos((y << plane.subY) / 13);
        plane.data[plane.offset + y * plane.stride + x] =
          (index === 0 ? 125 : 128) + (index === 0 ? 50 : 18) * wave;
      }
    }
  });
  return picture;
}

function frameOver({ planes, width, height, color }: Picture): VideoFrame {
  const matrix = color.matrix === 'bt709' ? 'bt709' : 'smpte170m';
  return new VideoFrame(planes[0].data.buffer as ArrayBuffer, {
    format: 'I420',
    codedWidth: width,
    codedHeight: height,
    timestamp: 0,
    colorSpace: { matrix, primaries: 'bt709', transfer: 'bt709', fullRange: false },
  });
}
