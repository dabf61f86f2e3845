import {
  cropDepth,
  decodeYoloCpu,
  depthPercentilesCpu,
  depthRect,
  LetterboxCpu,
  nmsCpu,
} from '../../../../kernels/index.ts';
import type { DepthModel, DetectModel } from '../../../../models/descriptor.ts';
import { RUNNER_PATHS } from '../../../../protocol/index.ts';
import { MAX_CANDIDATES, MAX_DETECTIONS } from '../../../engine/backend/detections.ts';
import { createSession, loadOrt } from '../../../engine/backend/ort.ts';
import { InferencePool, poolLayout } from '../../../engine/cpu/inference-pool.ts';
import type { InferenceRequest } from '../../../engine/cpu/inference-worker.ts';
import { CpuPainter } from '../../../engine/cpu/painter.ts';
import { copyPlanes, frameOver, likeOf, PlaneBuffers } from '../../../engine/cpu/planes.ts';
import type { LoadedModel } from '../../../engine/host.ts';
import { Count, repeat } from './count.ts';
import { letterboxesFor, loadModels, openMedia, type RungModels, someFrame } from './open.ts';
import type { RungRequest, RungResult } from './request.ts';
import { someDetections, someMap } from './some.ts';

/** Rungs of the cpu backend: planes in typed arrays, onnxruntime's wasm in workers. */

/** Planes out of a frame. */
export async function importFrame(request: RungRequest): Promise<RungResult> {
  const buffers = new PlaneBuffers();
  return withFrame(request, (frame) =>
    repeat(request, async () => buffers.give(await copyPlanes(frame, buffers))),
  );
}

/** Planes into every tensor that the models want. */
export async function letterbox(request: RungRequest): Promise<RungResult> {
  const specs = letterboxesFor(await loadModels(request));
  return withFrame(request, async (frame, view) => {
    const { picture } = await copyPlanes(frame);
    const boxes = specs.map((spec) => ({
      kernel: new LetterboxCpu(spec),
      tensor: new Float32Array(3 * spec.width * spec.height),
    }));
    return repeat(request, () => {
      for (const { kernel, tensor } of boxes) kernel.run(picture, view, tensor);
    });
  });
}

export const infer = async (request: RungRequest) =>
  inferred(request, { ...(await loadModels(request)), depth: null });
export const inferDepth = async (request: RungRequest) =>
  inferred(request, { ...(await loadModels(request)), detect: null });

/** One model on all sessions at once, as the engine keeps them busy. */
async function inferred(request: RungRequest, { detect, depth }: RungModels): Promise<RungResult> {
  const { sessions, threads } = poolLayout(navigator.hardwareConcurrency);
  const pool = await InferencePool.load(sessions, {
    ort: { base: new URL(RUNNER_PATHS.ort, request.origin).href, threads },
    // Nothing is found: what follows the model is a rung of its own.
    detect: detect && { model: detect, minScore: 1, iou: 0.65, classMask: null },
    depth: depth && { model: depth },
  });
  const { width, height } = (detect ?? depth)!.descriptor.input;
  const rect = { left: 0, top: 0, width: 1, height: 1 };
  const asked: Omit<InferenceRequest, 'inputs'> = detect
    ? { detect: 0, depth: null }
    : { detect: null, depth: { input: 0, rect } };
  const count = new Count(request);
  let done = false;
  const loop = async () => {
    let inputs = [new Float32Array(3 * width * height).fill(114)];
    while (!done) {
      ({ inputs } = await pool.run({ inputs, ...asked }));
      done = count.tick();
    }
  };
  await Promise.all(Array.from({ length: sessions }, loop));
  pool.close();
  return count.result();
}

/** A real answer of each model to boxes, percentiles and a map. */
export async function postprocess(request: RungRequest): Promise<RungResult> {
  const { detect, depth } = await loadModels(request);
  return withFrame(request, async (frame, view) => {
    const { picture } = await copyPlanes(frame);
    const answer = async (model: LoadedModel<DetectModel> | LoadedModel<DepthModel>) => {
      const { letterbox: spec, name, width, height } = model.descriptor.input;
      const tensor = new Float32Array(3 * width * height);
      new LetterboxCpu(spec).run(picture, view, tensor);
      const ort = await loadOrt('cpu', { base: new URL(RUNNER_PATHS.ort, request.origin).href, threads: 1 });
      const session = await createSession(ort, model.descriptor.name, model.bytes, {
        executionProviders: ['wasm'],
      });
      const outputs = await session.run({ [name]: new ort.Tensor('float32', tensor, [1, 3, height, width]) });
      return outputs[model.descriptor.output.name]!.data as Float32Array<ArrayBuffer>;
    };
    const raw = detect && { head: detect.descriptor.output.head, data: await answer(detect) };
    const map = depth && { ...depth.descriptor.output.head, values: await answer(depth) };
    const rect = depth && depthRect(view, depth.descriptor.input.letterbox, depth.descriptor.output.head);
    return repeat(request, () => {
      if (raw) {
        const candidates = decodeYoloCpu(raw.data, raw.head, { minScore: 0.3, classMask: null });
        nmsCpu(candidates, { iou: 0.65, maxCandidates: MAX_CANDIDATES, maxDetections: MAX_DETECTIONS });
      }
      if (map) depthPercentilesCpu(cropDepth(map, rect!));
    });
  });
}

/** Boxes with labels, and depth where it is asked for, into the planes. */
export async function draw(request: RungRequest): Promise<RungResult> {
  const { detect, depth } = await loadModels(request);
  return withFrame(request, async (frame, view) => {
    const painter = new CpuPainter(
      depth ? 'overlay' : null,
      depth?.descriptor.output.head.larger ?? 'nearer',
    );
    const boxes = detect ? someDetections(view.displayWidth, view.displayHeight) : null;
    let planes = await copyPlanes(frame);
    const buffers = new PlaneBuffers();
    return repeat(request, () => {
      // A new object each time, as each inferred frame has one: its colours are looked up anew.
      const shown = depth && someMap(depth.descriptor.output.head);
      planes = painter.draw(planes, buffers, boxes, shown, view);
    });
  });
}

/** A frame of planes. */
export async function frameOut(request: RungRequest): Promise<RungResult> {
  return withFrame(request, async (frame) => {
    const planes = await copyPlanes(frame);
    const like = likeOf(frame);
    return repeat(request, () => frameOver(planes, like).close());
  });
}

async function withFrame(
  request: RungRequest,
  work: (
    frame: VideoFrame,
    view: Awaited<ReturnType<typeof openMedia>>['video']['view'],
  ) => Promise<RungResult>,
): Promise<RungResult> {
  const media = await openMedia(request);
  const frame = await someFrame(media);
  try {
    return await work(frame, media.video.view);
  } finally {
    frame.close();
    media.dispose();
  }
}
