import {
  BufferUsage,
  OverlayGpu,
  packDetections,
  TextureUsage,
  type View,
} from '../../../../kernels/index.ts';
import type { ModelDescriptor } from '../../../../models/descriptor.ts';
import { RUNNER_PATHS } from '../../../../protocol/index.ts';
import { loadOrt } from '../../../engine/backend/ort.ts';
import type { LoadedModel } from '../../../engine/host.ts';
import { chooseFrameOut } from '../../../engine/webgpu/choose-frame-out.ts';
import { DepthEstimator } from '../../../engine/webgpu/depth-estimator.ts';
import { Detector } from '../../../engine/webgpu/detector.ts';
import { Feed } from '../../../engine/webgpu/feed.ts';
import { createFrameOut } from '../../../engine/webgpu/frame-out.ts';
import { Gpu } from '../../../engine/webgpu/gpu.ts';
import { GpuModel } from '../../../engine/webgpu/model.ts';
import { pictureShape } from '../../../engine/webgpu/painter.ts';
import { Count } from './count.ts';
import { GpuClock } from './gpu-clock.ts';
import { letterboxesFor, loadModels, openMedia, type RungModels, someFrame } from './open.ts';
import type { RungRequest, RungResult } from './request.ts';
import { someDetections } from './some.ts';

/** Rungs of the webgpu backend. What the GPU does is fenced: so many submits, then a wait for the last of them. */

const SUBMITS_A_FENCE = 8;
const TIMED = 20;

interface Stand {
  request: RungRequest;
  gpu: Gpu;
  models: RungModels;
  frame: VideoFrame;
  view: View;
}

/** An external texture, sampled to almost nothing: the price of the import itself. */
export const importFrame = (request: RungRequest): Promise<RungResult> =>
  onGpu(request, async ({ gpu, frame, view }) => {
    const pixel = new Feed(gpu, {
      width: 8,
      height: 8,
      placement: 'center',
      pad: 0,
      order: 'rgb',
      mean: [0, 0, 0],
      scale: [1, 1, 1],
    });
    return submitted(request, gpu, (encoder) =>
      pixel.encode(encoder, gpu.device.importExternalTexture({ source: frame }), view),
    );
  });

export const letterbox = (request: RungRequest): Promise<RungResult> =>
  onGpu(request, async ({ gpu, models, frame, view }) => {
    const feeds = letterboxesFor(models).map((spec) => new Feed(gpu, spec));
    const source = gpu.device.importExternalTexture({ source: frame });
    return submitted(request, gpu, (encoder) => {
      for (const feed of feeds) feed.encode(encoder, source, view);
    });
  });

export const infer = (request: RungRequest) =>
  onGpu(request, ({ gpu, models }) => inferred(request, gpu, models.detect!));
export const inferDepth = (request: RungRequest) =>
  onGpu(request, ({ gpu, models }) => inferred(request, gpu, models.depth!));

async function inferred(
  request: RungRequest,
  gpu: Gpu,
  loaded: LoadedModel<ModelDescriptor>,
): Promise<RungResult> {
  const model = await loadGpuModel(request, gpu, loaded);
  const { letterbox: spec } = loaded.descriptor.input;
  const tensor = model.inputOver(new Feed(gpu, spec).buffer);
  const count = new Count(request);
  while (true) {
    // A software adapter takes seconds a run: then each is waited for.
    const runs = count.counting ? SUBMITS_A_FENCE : 1;
    for (let i = 0; i < runs; i++) (await model.run(tensor)).dispose();
    await gpu.device.queue.onSubmittedWorkDone();
    if (count.tick(runs)) return count.result();
  }
}

/** A real answer of each model to boxes on their way back, percentiles and shares. */
export const postprocess = (request: RungRequest): Promise<RungResult> =>
  onGpu(request, async ({ gpu, models, frame, view }) => {
    const works: ((encoder: GPUCommandEncoder) => () => Promise<unknown>)[] = [];
    const source = gpu.device.importExternalTexture({ source: frame });
    const fed = (loaded: LoadedModel<ModelDescriptor>) => {
      const feed = new Feed(gpu, loaded.descriptor.input.letterbox);
      const encoder = gpu.device.createCommandEncoder();
      feed.encode(encoder, source, view);
      gpu.device.queue.submit([encoder.finish()]);
      return feed.buffer;
    };
    if (models.detect) {
      const model = await loadGpuModel(request, gpu, models.detect);
      const options = { model: '', minScore: 0.3, iou: 0.65, every: 1 };
      const detector = new Detector(gpu, model, fed(models.detect), options, 'held', null);
      const raw = await detector.run();
      works.push((encoder) => {
        const read = detector.finish(encoder, raw);
        return () => detector.detections(read, view);
      });
    }
    if (models.depth) {
      const model = await loadGpuModel(request, gpu, models.depth);
      const estimator = new DepthEstimator(gpu, model, fed(models.depth), { step: 1, maps: false });
      const raw = await estimator.run();
      works.push((encoder) => {
        const submitted = estimator.finish(encoder, raw, view);
        submitted.shot.release();
        return () => estimator.found(submitted, view);
      });
    }
    const reads: Promise<unknown>[] = [];
    const result = await submitted(
      request,
      gpu,
      (encoder) => {
        const readers = works.map((work) => work(encoder));
        return () => {
          reads.push(...readers.map((read) => read()));
        };
      },
      async () => {
        await Promise.all(reads.splice(0));
      },
    );
    return result;
  });

/** The frame, depth where it is asked for, and eight boxes with labels, onto a texture. */
export const draw = (request: RungRequest): Promise<RungResult> =>
  onGpu(request, async ({ gpu, models, frame, view }) => {
    const { width, height } = frame.visibleRect!;
    const { device } = gpu;
    const texture = device.createTexture({
      size: [width, height],
      format: 'rgba8unorm',
      usage: TextureUsage.RENDER_ATTACHMENT,
    });
    const target = texture.createView();
    const overlay = new OverlayGpu(device, {
      width,
      height,
      layout: models.depth ? 'overlay' : null,
      format: 'rgba8unorm',
      classNames: models.detect?.descriptor.classes ?? [],
    });
    const storage = (bytes: ArrayBuffer) => {
      const usage = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;
      const buffer = device.createBuffer({ size: bytes.byteLength, usage });
      device.queue.writeBuffer(buffer, 0, bytes);
      return buffer;
    };
    const boxes = models.detect && {
      letterbox: models.detect.descriptor.input.letterbox,
      detections: storage(
        packDetections(
          someDetections(models.detect.descriptor.input.width, models.detect.descriptor.input.height).map(
            ({ box: [x, y, w, h], score, id, track }) => ({
              corners: [x, y, x + w, y + h] as const,
              score,
              classId: id % models.detect!.descriptor.classes.length,
              track,
            }),
          ),
          8,
        ),
      ),
    };
    const head = models.depth?.descriptor.output.head;
    const depth = head && {
      shares: storage(new Float32Array(head.width * head.height).fill(0.5).buffer),
      width: head.width,
      height: head.height,
    };
    const source = device.importExternalTexture({ source: frame });
    return submitted(request, gpu, (encoder) =>
      overlay.encode(encoder, source, view, target, { boxes, depth: depth ?? null }),
    );
  });

/** A drawn picture to a `VideoFrame`, the way that is faster here. */
export const frameOut = (request: RungRequest): Promise<RungResult> =>
  onGpu(request, async ({ gpu, frame, view }) => {
    const { way } = await chooseFrameOut(gpu);
    const out = createFrameOut(way, gpu, pictureShape(frame, view));
    const count = new Count(request);
    const onTheWay: Promise<void>[] = [];
    while (true) {
      const encoder = gpu.device.createCommandEncoder();
      const made = out.submit(
        encoder,
        (view) =>
          encoder.beginRenderPass({ colorAttachments: [{ view, loadOp: 'clear', storeOp: 'store' }] }).end(),
        { timestamp: 0, duration: null },
      );
      onTheWay.push(made.then((made) => made.close()));
      if (onTheWay.length < 3) continue;
      await onTheWay.shift();
      if (!count.tick()) continue;
      await Promise.all(onTheWay);
      return count.result();
    }
  });

type Encode = (encoder: GPUCommandEncoder) => unknown;

/**
 * @param encode adds a frame's commands; what it returns is called after the submit, if it is a function.
 * @param settle waits for more than the queue.
 */
async function submitted(
  request: RungRequest,
  { device }: Gpu,
  encode: Encode,
  settle: () => Promise<void> = async () => {},
): Promise<RungResult> {
  const count = new Count(request);
  while (true) {
    for (let i = 0; i < SUBMITS_A_FENCE; i++) {
      const encoder = device.createCommandEncoder();
      const after = encode(encoder);
      device.queue.submit([encoder.finish()]);
      if (typeof after === 'function') after();
    }
    await Promise.all([device.queue.onSubmittedWorkDone(), settle()]);
    if (count.tick(SUBMITS_A_FENCE)) break;
  }
  const gpuMs = await medianGpuMs(device, encode, settle);
  return { ...count.result(), ...(gpuMs !== null && { gpuMs }) };
}

async function medianGpuMs(
  device: GPUDevice,
  encode: Encode,
  settle: () => Promise<void>,
): Promise<number | null> {
  const clock = GpuClock.of(device);
  if (!clock) return null;
  const times: number[] = [];
  for (let i = 0; i < TIMED; i++) {
    let after: unknown;
    const ms = await clock.time((encoder) => {
      after = encode(encoder);
    });
    if (typeof after === 'function') after();
    await settle();
    if (ms !== null) times.push(ms);
  }
  clock.destroy();
  return times.length > 0 ? times.sort((a, b) => a - b)[times.length >> 1]! : null;
}

async function onGpu(request: RungRequest, work: (stand: Stand) => Promise<RungResult>): Promise<RungResult> {
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) throw new Error('this browser offers no WebGPU adapter');
  const gpu = await Gpu.open(adapter);
  const media = await openMedia(request);
  const frame = await someFrame(media);
  try {
    return await work({ request, gpu, models: await loadModels(request), frame, view: media.video.view });
  } finally {
    frame.close();
    media.dispose();
    // With it goes everything that was made on it.
    gpu.close();
  }
}

async function loadGpuModel<T extends ModelDescriptor>(
  { origin }: RungRequest,
  gpu: Gpu,
  model: LoadedModel<T>,
): Promise<GpuModel<T>> {
  const ort = await loadOrt('webgpu', { base: new URL(RUNNER_PATHS.ort, origin).href, threads: 1 });
  return GpuModel.load(gpu, ort, model);
}
