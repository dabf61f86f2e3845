import {
  ALL_FORMATS,
  BlobSource,
  BufferTarget,
  Input,
  Mp4OutputFormat,
  Output,
  VideoSample,
  VideoSampleSink,
  VideoSampleSource,
} from 'mediabunny';
import type { DetectModel } from '../../../models/descriptor.ts';
import { base64, Clock, fetchWith, type PageFound, type PageJob, type PageResult } from './job.ts';
import { boxesOf, drawBoxes, fitInto } from './yolo.ts';

export interface Ask {
  tensor: Float32Array<ArrayBuffer>;
}

/** Frames whose inference may be on its way; more would only wait. */
const AHEAD = 2;

/**
 * The usual page written as well as it can be: everything that a careful author would do and no more than the platform
 * gives for it. The fastest build of onnxruntime with all threads in a worker of its own, typed arrays, canvases that
 * are made for reading, decode, inference and encode of neighbouring frames side by side.
 */
export async function best(job: PageJob): Promise<PageResult> {
  const model = job.descriptor!;
  const worker = new Worker(new URL('./best-worker.ts', import.meta.url), { type: 'module', name: 'ort' });
  const bytes = await (await fetchWith(job.token, job.model!)).arrayBuffer();
  await answered(worker, { bytes, ort: job.ort, model }, [bytes]);
  const file = await (await fetchWith(job.token, job.clip)).blob();
  const input = new Input({ source: new BlobSource(file), formats: ALL_FORMATS });
  const track = (await input.getPrimaryVideoTrack())!;
  const [width, height] = [track.displayWidth, track.displayHeight];
  const fit = fitInto(model, width, height);
  const prepare = preparer(model, width, height);

  const output = new Output({ format: new Mp4OutputFormat(), target: new BufferTarget() });
  const video = new VideoSampleSource({ codec: 'avc', bitrate: job.bitrate });
  output.addVideoTrack(video);
  await output.start();

  // In software, so that neither the drawing nor the reading of it crosses to a GPU process.
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { willReadFrequently: true, alpha: false })!;
  const found: PageFound[][] = [];
  const clock = new Clock(job);
  const onTheWay: {
    sample: VideoSample;
    raw: Promise<{ raw: Float32Array; tensor: Float32Array<ArrayBuffer> }>;
  }[] = [];
  const spare: Float32Array<ArrayBuffer>[] = [];
  // One question at a time; the next is asked as soon as the answer is here.
  let last: Promise<unknown> = Promise.resolve();

  const finishOne = async () => {
    const { sample, raw: waiting } = onTheWay.shift()!;
    const { raw, tensor } = await waiting;
    spare.push(tensor);
    const boxes = boxesOf(raw, model, fit, job.minScore, job.iou);
    sample.draw(context, 0, 0, width, height);
    drawBoxes(context, boxes, model);
    const { timestamp, duration } = sample;
    sample.close();
    const drawn = new VideoSample(canvas, { timestamp, duration });
    await video.add(drawn);
    drawn.close();
    found.push(boxes);
    clock.frame();
  };
  for await (const sample of new VideoSampleSink(track).samples()) {
    const tensor = prepare(sample, spare.pop());
    const asked = last.then(
      () =>
        answered(worker, { tensor }, [tensor.buffer]) as Promise<{
          raw: Float32Array;
          tensor: Float32Array<ArrayBuffer>;
        }>,
    );
    last = asked;
    onTheWay.push({ sample, raw: asked });
    if (onTheWay.length > AHEAD) await finishOne();
    if (clock.enough) break;
  }
  while (onTheWay.length > 0) await finishOne();
  const counted = clock.result();
  await output.finalize();
  worker.terminate();
  return { ...counted, output: await base64(output.target.buffer!), found };
}

/** A frame straight into the small canvas, its pixels into a typed array in one pass. */
function preparer({ input: { letterbox } }: DetectModel, width: number, height: number) {
  const { width: w, height: h, pad, mean, scale, order } = letterbox;
  const by = Math.min(w / width, h / height);
  const [dx, dy] = letterbox.placement === 'center' ? [(w - width * by) / 2, (h - height * by) / 2] : [0, 0];
  const context = new OffscreenCanvas(w, h).getContext('2d', { willReadFrequently: true, alpha: false })!;
  context.fillStyle = `rgb(${pad} ${pad} ${pad})`;
  context.fillRect(0, 0, w, h);
  const area = w * h;
  const [r, g, b] = order === 'rgb' ? [0, area, 2 * area] : [2 * area, area, 0];
  const [mr, mg, mb] = order === 'rgb' ? mean : [mean[2], mean[1], mean[0]];
  const [sr, sg, sb] = order === 'rgb' ? scale : [scale[2], scale[1], scale[0]];
  return (sample: VideoSample, tensor = new Float32Array(3 * area)): Float32Array<ArrayBuffer> => {
    sample.draw(context, dx, dy, width * by, height * by);
    const { data } = context.getImageData(0, 0, w, h);
    for (let i = 0, j = 0; i < area; i++, j += 4) {
      tensor[r + i] = (data[j]! - mr) * sr;
      tensor[g + i] = (data[j + 1]! - mg) * sg;
      tensor[b + i] = (data[j + 2]! - mb) * sb;
    }
    return tensor;
  };
}

function answered(worker: Worker, question: object, transfer: Transferable[]): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage(question, transfer);
  });
}
