import {
  ALL_FORMATS,
  BlobSource,
  BufferTarget,
  CanvasSource,
  Input,
  Mp4OutputFormat,
  Output,
  VideoSampleSink,
} from 'mediabunny';
import * as ort from 'onnxruntime-web';
import { base64, Clock, fetchWith, type PageFound, type PageJob, type PageResult } from './job.ts';
import { boxesOf, drawBoxes, fitInto } from './yolo.ts';

/**
 * The usual page as its tutorials write it: the default build of onnxruntime-web on one thread, one step after another
 * on the main thread, pixels by `getImageData`, boxes on a 2D canvas that the encoder takes its frames from.
 */
export async function tutorial(job: PageJob): Promise<PageResult> {
  const model = job.descriptor!;
  ort.env.wasm.wasmPaths = job.ort;
  ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create(
    await (await fetchWith(job.token, job.model!)).arrayBuffer(),
  );
  const file = await (await fetchWith(job.token, job.clip)).blob();
  const input = new Input({ source: new BlobSource(file), formats: ALL_FORMATS });
  const track = (await input.getPrimaryVideoTrack())!;
  const canvas = document.createElement('canvas');
  canvas.width = track.displayWidth;
  canvas.height = track.displayHeight;
  const context = canvas.getContext('2d')!;
  const { letterbox } = model.input;
  const small = document.createElement('canvas');
  small.width = letterbox.width;
  small.height = letterbox.height;
  const smallContext = small.getContext('2d', { willReadFrequently: true })!;
  const fit = fitInto(model, canvas.width, canvas.height);

  const output = new Output({ format: new Mp4OutputFormat(), target: new BufferTarget() });
  const video = new CanvasSource(canvas, { codec: 'avc', bitrate: job.bitrate });
  output.addVideoTrack(video);
  await output.start();

  const found: PageFound[][] = [];
  const clock = new Clock(job);
  for await (const sample of new VideoSampleSink(track).samples()) {
    sample.draw(context, 0, 0);
    const { timestamp, duration } = sample;
    sample.close();
    smallContext.fillStyle = `rgb(${letterbox.pad} ${letterbox.pad} ${letterbox.pad})`;
    smallContext.fillRect(0, 0, small.width, small.height);
    smallContext.drawImage(canvas, fit.left, fit.top, canvas.width * fit.scale, canvas.height * fit.scale);
    const { data } = smallContext.getImageData(0, 0, small.width, small.height);
    const pixels: number[][] = [[], [], []];
    const channels = letterbox.order === 'rgb' ? [0, 1, 2] : [2, 1, 0];
    for (let i = 0; i < data.length; i += 4) {
      channels.forEach((channel, c) => {
        pixels[c]!.push((data[i + channel]! - letterbox.mean[c]!) * letterbox.scale[c]!);
      });
    }
    const tensor = new ort.Tensor('float32', pixels.flat(), [1, 3, small.height, small.width]);
    const outputs = await session.run({ [model.input.name]: tensor });
    const raw = outputs[model.output.name]!.data as Float32Array;
    const boxes = boxesOf(raw, model, fit, job.minScore, job.iou);
    drawBoxes(context, boxes, model);
    await video.add(timestamp, duration);
    found.push(boxes);
    if (clock.frame()) break;
  }
  const counted = clock.result();
  await output.finalize();
  await session.release();
  return { ...counted, output: await base64(output.target.buffer!), found };
}
