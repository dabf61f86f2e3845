import { expect, it, vi } from 'vitest';
import type { FrameSource } from '../frame.gpu.ts';
import type { View } from '../geometry.ts';
import { arrange } from '../overlay/arrange.ts';
import { OverlayGpu } from '../overlay/overlay.gpu.ts';
import { type Picture, packedLayout, pictureOver, UPRIGHT } from '../picture.ts';
import { BT709, noisePicture, ORIENTATIONS, pick, seeded, whole, worstDifference } from '../testing.ts';
import { bitmapOf, randomBitmap, randomBitmapLayer } from '../testing-composite.ts';
import { onDevice, rgbaTexture, runAndReadTexture, storageBuffer } from '../testing-gpu.ts';
import { CompositeCpu } from './composite.cpu.ts';
import { CompositeGpu } from './composite.gpu.ts';
import type { BitmapLayer, CompositeLayer, FrameLayer } from './layer.ts';

it('the GPU lays bitmaps over each other and over every edge as its CPU twin does', () =>
  onDevice(async (device) => {
    const random = seeded(51);
    for (let round = 0; round < 12; round++) {
      const [width, height] = [whole(random, 20, 90), whole(random, 20, 60)];
      const layers = Array.from({ length: 4 }, () => randomBitmapLayer(random, width, height));
      const { found, expected } = await both(device, random, width, height, layers);
      expect(worstDifference(found, expected)).toBeLessThanOrEqual(2);
    }
  }));

it.each(ORIENTATIONS)(
  'the GPU stretches a frame as its CPU twin does: $rotation°, mirrored $flip',
  (orientation) =>
    onDevice(async (device) => {
      const random = seeded(52);
      for (const scale of [0.4, 1, 2.7]) {
        const [width, height] = [80, 60];
        const frame = noisePicture(random, 'RGBA', 31, 22);
        const layer: FrameLayer<Picture> = {
          ...{ kind: 'frame', frame, opacity: pick(random, [0.3, 1]) },
          view: { displayWidth: 31, displayHeight: 22, orientation },
          ...{ left: whole(random, -20, 60), top: whole(random, -20, 40) },
          ...{ width: Math.round(31 * scale), height: Math.round(22 * scale) },
        };
        const over = { ...randomBitmapLayer(random, width, height), opacity: 0.3 };
        const { found, expected } = await both(device, random, width, height, [layer, over]);
        expect(worstDifference(found, expected)).toBeLessThanOrEqual(2);
      }
    }),
);

it('the GPU shows a VideoFrame over the picture as its CPU twin does the planes', () =>
  onDevice(async (device) => {
    const random = seeded(53);
    const [width, height] = [64, 48];
    const picture = smoothI420(40, 30);
    const frame = new VideoFrame(picture.planes[0].data as Uint8Array<ArrayBuffer>, {
      ...{ format: 'I420', codedWidth: 40, codedHeight: 30, timestamp: 0 },
      colorSpace: { matrix: 'bt709', primaries: 'bt709', transfer: 'bt709', fullRange: false },
    });
    const under = opaqueNoise(random, width, height);
    const kernel = new CompositeGpu(device, { width, height, format: 'rgba8unorm' });
    const place = { left: 30, top: -9, width: 50, height: 41, opacity: 1 };
    const view: View = { displayWidth: 40, displayHeight: 30, orientation: UPRIGHT };
    const found = await drawn(device, kernel, under, () => [
      { ...place, kind: 'frame', frame: device.importExternalTexture({ source: frame }), view },
    ]);
    frame.close();
    kernel.destroy();
    new CompositeCpu().draw(under, [{ ...place, kind: 'frame', frame: picture, view }]);
    // The browser's own conversion rounds to 8 bits before we sample.
    expect(worstDifference(found, under.planes[0].data)).toBeLessThan(4);
  }));

it('a bitmap is uploaded once while it shows, and let go when it does no more', () =>
  onDevice(async (device) => {
    const random = seeded(54);
    const [width, height] = [32, 24];
    const created = vi.spyOn(device, 'createTexture');
    const uploads = vi.spyOn(device.queue, 'writeTexture');
    const kernel = new CompositeGpu(device, { width, height, format: 'rgba8unorm' });
    const [one, other] = [randomBitmap(random, 9, 8), randomBitmap(random, 7, 6)];
    const at = (bitmap: typeof one, left: number): BitmapLayer => ({
      ...{ kind: 'bitmap', bitmap, left, top: 2, opacity: 1 },
    });
    const calls = [[at(one, 0), at(other, 3)], [at(one, 4), at(one, 5)], [at(one, 40)], [at(one, 1)]];
    const own: GPUTexture[] = [];
    const gone: string[] = [];
    for (const layers of calls) {
      const before = uploads.mock.calls.length;
      const picture = opaqueNoise(random, width, height);
      const firstNew = created.mock.results.length;
      const found = await drawn(device, kernel, picture, () => layers);
      new CompositeCpu().draw(picture, layers);
      expect(worstDifference(found, picture.planes[0].data)).toBeLessThanOrEqual(2);
      // The first is the target.
      const fresh = created.mock.results.slice(firstNew + 1).map(({ value }) => value as GPUTexture);
      expect(uploads.mock.calls.length - before).toBe(fresh.length + 1);
      for (const texture of fresh) {
        const name = `${texture.width}×${texture.height}`;
        const destroy = texture.destroy.bind(texture);
        texture.destroy = () => {
          gone.push(name);
          return destroy();
        };
      }
      own.push(...fresh);
    }
    expect(own.map((texture) => texture.width)).toEqual([9, 7, 9]);
    expect(gone).toEqual(['7×6', '9×8']);
    kernel.destroy();
    expect(gone).toEqual(['7×6', '9×8', '9×8']);
  }));

it('a bitmap that no texture can hold is refused', () =>
  onDevice(async (device) => {
    const [width, height] = [8, 8];
    const kernel = new CompositeGpu(device, { width, height, format: 'rgba8unorm' });
    const bitmap = bitmapOf(device.limits.maxTextureDimension2D + 1, 1, () => [0, 0, 0, 255]);
    const picture = opaqueNoise(seeded(55), width, height);
    await expect(
      drawn(device, kernel, picture, () => [{ kind: 'bitmap', bitmap, left: 0, top: 0, opacity: 1 }]),
    ).rejects.toThrow(RangeError);
    kernel.destroy();
  }));

it('the overlay lays layers over all of its target, what stands beside the picture included', () =>
  onDevice(async (device) => {
    const random = seeded(56);
    const [width, height] = [31, 24];
    const target = arrange('side-by-side', width, height);
    const frame = opaqueNoise(random, width, height);
    const overlay = new OverlayGpu(device, {
      ...{ width, height, layout: 'side-by-side', format: 'rgba8unorm', classNames: [], kind: 'texture' },
    });
    const layers: BitmapLayer[] = [
      { kind: 'bitmap', bitmap: randomBitmap(random, target.width, 9), left: 0, top: 15, opacity: 1 },
      { kind: 'bitmap', bitmap: randomBitmap(random, 12, 12), left: 56, top: -2, opacity: 0.3 },
    ];
    const texture = rgbaTexture(device, target.width, target.height);
    const shares = storageBuffer(device, Float32Array.from({ length: 20 }, random));
    const view = { displayWidth: width, displayHeight: height, orientation: UPRIGHT };
    const source = textureOf(device, frame).createView();
    const show = (layers?: BitmapLayer[]) =>
      runAndReadTexture(device, texture, (encoder) => {
        const depth = { shares, width: 5, height: 4 };
        overlay.encode(encoder, source, view, texture.createView(), { boxes: null, depth, layers });
      });
    const plain = await show();
    const found = await show(layers);
    const again = await show();
    overlay.destroy();

    const expected = pictureOver(plain.slice().buffer, 'RGBA', target.width, target.height, BT709);
    new CompositeCpu().draw(expected, layers);
    expect(worstDifference(found, expected.planes[0].data)).toBeLessThanOrEqual(2);
    expect(worstDifference(found, plain)).toBeGreaterThan(50);
    expect(worstDifference(again, plain)).toBe(0);
  }));

/** The same layers over the same noise by both twins, RGBA. */
async function both(
  device: GPUDevice,
  random: () => number,
  width: number,
  height: number,
  layers: readonly CompositeLayer<Picture>[],
) {
  const picture = opaqueNoise(random, width, height);
  const kernel = new CompositeGpu(device, { width, height, format: 'rgba8unorm', kind: 'texture' });
  const found = await drawn(device, kernel, picture, () =>
    layers.map((layer) =>
      layer.kind === 'bitmap' ? layer : { ...layer, frame: textureOf(device, layer.frame).createView() },
    ),
  );
  kernel.destroy();
  new CompositeCpu().draw(picture, layers);
  return { found, expected: picture.planes[0].data };
}

/** @param picture RGBA, what lies under the layers; not changed. */
function drawn(
  device: GPUDevice,
  kernel: CompositeGpu,
  picture: Picture,
  layers: () => readonly CompositeLayer<FrameSource>[],
): Promise<Uint8Array<ArrayBuffer>> {
  const target = textureOf(device, picture);
  return runAndReadTexture(device, target, (encoder) => {
    const pass = encoder.beginRenderPass({
      colorAttachments: [{ view: target.createView(), loadOp: 'load', storeOp: 'store' }],
    });
    kernel.encode(pass, layers());
    pass.end();
  });
}

const textureOf = (device: GPUDevice, { width, height, planes }: Picture): GPUTexture =>
  rgbaTexture(device, width, height, planes[0].data as Uint8Array<ArrayBuffer>);

function opaqueNoise(random: () => number, width: number, height: number): Picture {
  const picture = noisePicture(random, 'RGBA', width, height);
  const { data } = picture.planes[0];
  for (let i = 3; i < data.length; i += 4) data[i] = 255;
  return picture;
}

/** Gentle waves inside the RGB gamut, so that clamping and chroma filters do not matter. */
function smoothI420(width: number, height: number): Picture {
  const buffer = new ArrayBuffer(packedLayout('I420', width, height).byteLength);
  const picture = pictureOver(buffer, 'I420', width, height, BT709);
  for (const [index, { data, offset, stride, subX, subY }] of picture.planes.entries()) {
    for (let y = 0; y < height >> subY; y++) {
      for (let x = 0; x < width >> subX; x++) {
        const wave = Math.sin((x << subX) / 17 + index) * Math.cos((y << subY) / 13);
        data[offset + y * stride + x] = (index === 0 ? 125 : 128) + (index === 0 ? 50 : 18) * wave;
      }
    }
  }
  return picture;
}
