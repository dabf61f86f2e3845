/**
 * ffmpeg and native onnxruntime, as a video engineer would write it: one ffmpeg decodes and scales (the picture for
 * the model, and the planes to draw on), onnxruntime infers with all cores, boxes are drawn into the planes, another
 * ffmpeg encodes. Each step of a frame overlaps the next frame's decoding and the last one's encoding. A second network
 * estimates depth where the job names one; its map is not drawn.
 * `node native-detect.mjs JOB` with the job as JSON; prints what it found, and how fast it was, as JSON.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import * as ort from 'onnxruntime-node';

const job = JSON.parse(process.argv[2]);
const { clip, output, frames, width, height, model, depth, bitrate } = job;
const networks = [model, ...(depth ? [depth] : [])].map((one) => ({ ...one, ...placed(one.letterbox) }));
const { left, top, scale } = networks[0];
const { letterbox, head } = model;

/** As the letterbox of a model says: the picture keeps its shape, the rest is grey. */
function placed({ width: w, height: h, placement }) {
  const by = Math.min(w / width, h / height);
  const inner = { width: Math.round(width * by), height: Math.round(height * by) };
  const centred = placement === 'center';
  return {
    ...{ scale: by, inner, area: w * h },
    left: centred ? Math.floor((w - inner.width) / 2) : 0,
    top: centred ? Math.floor((h - inner.height) / 2) : 0,
  };
}

const small = ({ inner, left: x, top: y, letterbox: { width: w, height: h, pad } }, i) =>
  `[in${i}]scale=${inner.width}:${inner.height}:flags=bilinear,format=gbrp,` +
  `pad=${w}:${h}:${x}:${y}:0x${pad.toString(16).padStart(2, '0').repeat(3)}[small${i}]`;
const inputs = networks.map((_, i) => `[in${i}]`).join('');
const decoder = spawn(
  'ffmpeg',
  [
    ...['-v', 'error', '-i', clip, '-frames:v', `${frames}`, '-filter_complex'],
    `[0:v]split=${networks.length + 1}[a]${inputs};${networks.map(small).join(';')}`,
    ...['-map', '[a]', '-frames:v', `${frames}`, '-pix_fmt', 'yuv420p', '-f', 'rawvideo', 'pipe:1'],
    ...networks.flatMap((_, i) => [
      ...['-map', `[small${i}]`, '-frames:v', `${frames}`, '-f', 'rawvideo', `pipe:${3 + i}`],
    ]),
  ],
  { stdio: ['ignore', 'pipe', 'inherit', ...networks.map(() => 'pipe')] },
);
const encoder = spawn(
  'ffmpeg',
  [
    ...['-v', 'error', '-y', '-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-s', `${width}x${height}`, '-r', '30'],
    ...['-i', 'pipe:0', '-c:v', 'libx264', '-preset', 'veryfast', '-b:v', `${bitrate}`, output],
  ],
  { stdio: ['pipe', 'ignore', 'inherit'] },
);

const sessions = await Promise.all(networks.map(({ path }) => ort.InferenceSession.create(path)));
/** Frames. */
const AHEAD = 16;
const planesSize = (width * height * 3) / 2;
const pictures = chunksOf(decoder.stdout, planesSize);
const smalls = networks.map(({ area }, i) => chunksOf(decoder.stdio[3 + i], 3 * area));
const found = [];
/** When each frame was done, ms, and how long all networks took for all frames. */
const done = [];
let inNetworks = 0;
const read = () => Promise.all([pictures, ...smalls].map((chunks) => chunks.next()));
let next = read();
while (true) {
  const chunks = await next;
  if (chunks.some((one) => one.done)) break;
  const [planes, ...scaled] = chunks.map(({ value }) => value);
  // The next frame is read while this one is looked at.
  next = read();
  const boxes = nms(decode(await infer(0, scaled[0])));
  if (depth) await infer(1, scaled[1]);
  for (const { box } of boxes) drawBox(planes, box);
  found.push(boxes);
  done.push(performance.now());
  if (!encoder.stdin.write(planes)) await once(encoder.stdin, 'drain');
}
encoder.stdin.end();
const [code] = await once(encoder, 'close');
if (code !== 0) process.exit(1);
const [from, to] = [0.1, 0.9].map((share) => Math.floor(share * (done.length - 1)));
const steadyFps = ((to - from) * 1000) / (done[to] - done[from]);
console.log(JSON.stringify({ found, steadyFps, networkMs: inNetworks / done.length }));

/** Some are read ahead: ffmpeg may have frames of one pipe to write before it gives the other pipe's. */
async function* chunksOf(pipe, size) {
  const stream = pipe.pipe(new PassThrough({ highWaterMark: AHEAD * size }));
  let chunk = Buffer.allocUnsafe(size);
  let filled = 0;
  for await (const data of stream) {
    let at = 0;
    while (at < data.length) {
      const taken = Math.min(size - filled, data.length - at);
      data.copy(chunk, filled, at, at + taken);
      filled += taken;
      at += taken;
      if (filled < size) continue;
      yield chunk;
      chunk = Buffer.allocUnsafe(size);
      filled = 0;
    }
  }
}

/** Raw output of a network. */
async function infer(which, gbr) {
  const { area, letterbox: box, input: name, output: wanted } = networks[which];
  const input = new Float32Array(3 * area);
  // ffmpeg's planar RGB comes as green, blue, red.
  const planeOf = { g: 0, b: 1, r: 2 };
  [...box.order].forEach((channel, c) => {
    const from = planeOf[channel] * area;
    const [mean, by] = [box.mean[c], box.scale[c]];
    for (let i = 0; i < area; i++) input[c * area + i] = (gbr[from + i] - mean) * by;
  });
  const began = performance.now();
  const dims = [1, 3, box.height, box.width];
  const outputs = await sessions[which].run({ [name]: new ort.Tensor('float32', input, dims) });
  inNetworks += performance.now() - began;
  return wanted ? outputs[wanted].data : null;
}

function decode(raw) {
  const { layout, classes, anchors, strides } = head;
  const boxes = [];
  const add = (cx, cy, w, h, id, score) => {
    if (score < job.minScore) return;
    const x = (cx - w / 2 - left) / scale;
    const y = (cy - h / 2 - top) / scale;
    boxes.push({ id, score, box: [x, y, w / scale, h / scale] });
  };
  if (layout === 'yolov8') {
    for (let i = 0; i < anchors; i++) {
      let best = 0;
      for (let c = 1; c < classes; c++)
        if (raw[(4 + c) * anchors + i] > raw[(4 + best) * anchors + i]) best = c;
      const at = (row) => raw[row * anchors + i];
      add(at(0), at(1), at(2), at(3), best, at(4 + best));
    }
    return boxes;
  }
  let anchor = 0;
  for (const stride of strides) {
    for (let y = 0; y < letterbox.height / stride; y++) {
      for (let x = 0; x < letterbox.width / stride; x++, anchor++) {
        const at = anchor * (5 + classes);
        if (raw[at + 4] < job.minScore) continue;
        let best = 0;
        for (let c = 1; c < classes; c++) if (raw[at + 5 + c] > raw[at + 5 + best]) best = c;
        add(
          (raw[at] + x) * stride,
          (raw[at + 1] + y) * stride,
          Math.exp(raw[at + 2]) * stride,
          Math.exp(raw[at + 3]) * stride,
          best,
          raw[at + 4] * raw[at + 5 + best],
        );
      }
    }
  }
  return boxes;
}

function nms(boxes) {
  boxes.sort((a, b) => b.score - a.score);
  const kept = [];
  for (const one of boxes) {
    if (!kept.some((other) => other.id === one.id && overlap(one.box, other.box) > job.iou)) kept.push(one);
  }
  return kept;
}

function overlap([ax, ay, aw, ah], [bx, by, bw, bh]) {
  const w = Math.max(0, Math.min(ax + aw, bx + bw) - Math.max(ax, bx));
  const h = Math.max(0, Math.min(ay + ah, by + bh) - Math.max(ay, by));
  return (w * h) / (aw * ah + bw * bh - w * h);
}

/** A frame of two pixels of luma, the least that anybody would draw. */
function drawBox(planes, [x, y, w, h]) {
  const clamp = (value, most) => Math.max(0, Math.min(most, Math.round(value)));
  const [x1, x2] = [clamp(x, width - 2), clamp(x + w, width - 2)];
  const [y1, y2] = [clamp(y, height - 2), clamp(y + h, height - 2)];
  for (const row of [y1, y1 + 1, y2, y2 + 1]) planes.fill(235, row * width + x1, row * width + x2);
  for (let row = y1; row < y2; row++) {
    for (const column of [x1, x1 + 1, x2, x2 + 1]) planes[row * width + column] = 235;
  }
}
