import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { UPRIGHT, type View } from '../../../kernels/index.ts';
import type { DepthOptions, Detection, DetectOptions } from '../../../protocol/index.ts';
import type { FrameProcessor, Processed, StreamSpec } from '../backend/backend.ts';
import { copyPlanes } from '../cpu/planes.ts';
import { FrameLedger } from '../pipeline/frame-ledger.ts';
import { Meter } from '../pipeline/meter.ts';
import {
  depthStandIn,
  openBackend,
  plainFrame,
  SIDE,
  STAND_IN_BOX,
  STAND_IN_SCORE,
  standIn,
  standInX,
} from './testing.ts';
import type { WebGpuBackend } from './webgpu-backend.ts';

let backend: WebGpuBackend;
let device: GPUDevice;
let logged: string[];
let ledger: FrameLedger;

beforeEach(async () => {
  ({ backend, device } = await openBackend());
  logged = [];
  ledger = new FrameLedger();
});
afterEach(async () => {
  await backend.close();
  expect(ledger.open).toBe(0);
});

const DETECT: DetectOptions = { model: 'stand-in', minScore: 0.3, iou: 0.65, every: 1 };
const DEPTH: DepthOptions = { model: 'depth-stand-in', every: 1 };
const VIEW: View = { displayWidth: SIDE, displayHeight: SIDE, orientation: UPRIGHT };
const REDS = [0, 40, 80, 120, 160, 200];

const specOf = (changes: Partial<StreamSpec> = {}): StreamSpec => ({
  detect: { model: standIn(), options: DETECT },
  depth: null,
  fps: 25,
  boxes: 'held',
  layout: 'overlay',
  picture: 'drawn',
  ledger,
  meter: new Meter(),
  log: (message) => logged.push(message),
  ...changes,
});

/** As many at a time as the processor takes, results in order. */
async function through(processor: FrameProcessor, reds: number[]): Promise<Processed[]> {
  const done: Processed[] = [];
  const onTheWay: Promise<Processed>[] = [];
  for (const [index, red] of reds.entries()) {
    const frame = ledger.own(plainFrame([red, 100, 50], { timestamp: 40_000 * index }));
    onTheWay.push(processor.process({ frame, index, view: VIEW }));
    if (onTheWay.length >= processor.depth) done.push(await onTheWay.shift()!);
  }
  return [...done, ...(await Promise.all(onTheWay))];
}

const middleX = (detections: Detection[] | null) => {
  const [x, , width] = detections![0]!.box;
  return x + width / 2;
};

it('every frame gets its own boxes and its own picture, in order', async () => {
  const processor = await backend.open(specOf());
  // Reds whose box lies inside the picture as a whole.
  const reds = [40, 80, 120, 160, 200];
  for (const [i, { frame, detections }] of (await through(processor, reds)).entries()) {
    expect(detections).toHaveLength(1);
    expect(detections![0]).toMatchObject({ class: 'thing', id: 0, score: STAND_IN_SCORE });
    expect(detections![0]!.box[3]).toBeCloseTo(STAND_IN_BOX, 1);
    expect(Math.abs(middleX(detections) - standInX(reds[i]!))).toBeLessThan(0.6);
    expect([frame!.timestamp, frame!.duration]).toEqual([40_000 * i, 40_000]);
    const { luma, line } = await lookAt(frame!, standInX(reds[i]!));
    expect(luma - lumaOf([reds[i]!, 100, 50], frame!)).toBeLessThanOrEqual(2);
    expect(line).toBeGreaterThan(luma + 20);
    ledger.close(frame!);
  }
  await processor.close();
  expect(logged).toHaveLength(1);
  expect(logged[0]).toMatch(/^frames out by (canvas|planes) /);
});

it('boxes are held between inferred frames', async () => {
  const detect = { model: standIn(), options: { ...DETECT, every: 3 } };
  const processor = await backend.open(specOf({ detect, picture: 'none' }));
  const found = (await through(processor, REDS)).map(({ detections }) => middleX(detections));
  expect(found.slice(0, 3)).toEqual([found[0], found[0], found[0]]);
  expect(found.slice(3)).toEqual([found[3], found[3], found[3]]);
  expect(Math.abs(found[3]! - standInX(REDS[3]!))).toBeLessThan(0.6);
  await processor.close();
});

it('followed objects are numbered, drawn where they are, and moved on between inferred frames', async () => {
  const detect = { model: standIn(), options: { ...DETECT, every: 2 } };
  const processor = await backend.open(specOf({ detect, boxes: 'followed' }));
  const reds = Array.from({ length: 12 }, (_, i) => 60 + 8 * i);
  for (const [i, { frame, detections }] of (await through(processor, reds)).entries()) {
    expect(detections).toHaveLength(1);
    expect(detections![0]!.track).toBe(i < 2 ? undefined : 1);
    // Two px a frame: after a few looks the filter knows.
    expect(Math.abs(middleX(detections) - standInX(reds[i]!))).toBeLessThan(i < 6 ? 2.5 : 1);
    const { luma, line } = await lookAt(frame!, middleX(detections));
    expect(line).toBeGreaterThan(luma + 20);
    ledger.close(frame!);
  }
  await processor.close();
});

it.each([
  { what: 'the same picture', letterboxes: 1, changes: {} },
  { what: 'pictures of their own', letterboxes: 2, changes: { pad: 0 } },
])(
  'detection and depth that want $what share one import and $letterboxes letterbox passes',
  async ({ letterboxes, changes }) => {
    const imports = vi.spyOn(device, 'importExternalTexture');
    const passes = vi.spyOn(GPUCommandEncoder.prototype, 'beginComputePass');
    const letterbox = { ...standIn().descriptor.input.letterbox, ...changes };
    const depth = { model: depthStandIn(letterbox), options: DEPTH, maps: true };
    const processor = await backend.open(specOf({ depth, picture: 'none' }));
    for (const [i, { detections, depth }] of (await through(processor, REDS)).entries()) {
      expect(Math.abs(middleX(detections) - standInX(REDS[i]!))).toBeLessThan(9);
      const { p2, p50, p98 } = depth!.stats!;
      for (const value of [p2, p50, p98]) expect(Math.abs(value - REDS[i]! / 255)).toBeLessThan(0.01);
      expect([depth!.map!.width, depth!.map!.height]).toEqual([SIDE / 2, SIDE / 2]);
      expect(depth!.map!.values[5]).toBeCloseTo(p50, 4);
    }
    await processor.close();
    expect(imports).toHaveBeenCalledTimes(REDS.length);
    const letterboxed = passes.mock.calls.filter(([pass]) => pass?.label === 'letterbox');
    expect(letterboxed).toHaveLength(letterboxes * REDS.length);
    vi.restoreAllMocks();
  },
);

it('depth alone is held between inferred frames, and drawn beside the picture', async () => {
  const depth = { model: depthStandIn(), options: { ...DEPTH, every: 3 }, maps: true };
  const processor = await backend.open(specOf({ detect: null, depth, layout: 'side-by-side' }));
  const done = await through(processor, REDS);
  for (const [i, { frame, detections, depth }] of done.entries()) {
    expect(detections).toBeNull();
    expect(depth!.stats).toEqual(done[i - (i % 3)]!.depth!.stats);
    // Only what is new is worth writing.
    expect(depth!.map === null).toBe(i % 3 !== 0);
    expect([frame!.visibleRect!.width, frame!.visibleRect!.height]).toEqual([2 * SIDE, SIDE]);
    const { luma } = await lookAt(frame!, 2);
    expect(Math.abs(luma - lumaOf([REDS[i]!, 100, 50], frame!))).toBeLessThanOrEqual(2);
    ledger.close(frame!);
  }
  await processor.close();
});

it('a picture that nothing is drawn on is the frame that came in', async () => {
  const processor = await backend.open(specOf({ picture: 'as-is' }));
  const frame = ledger.own(
    new VideoFrame(new Uint8Array((SIDE * SIDE * 3) / 2), {
      format: 'I420',
      codedWidth: SIDE,
      codedHeight: SIDE,
      timestamp: 0,
    }),
  );
  const { frame: out, detections } = await processor.process({ frame, index: 0, view: VIEW });
  expect(out).toBe(frame);
  expect(detections).toHaveLength(1);
  ledger.close(frame);
  await processor.close();
});

it('a format that encoders refuse is made one they take, turned no further', async () => {
  const processor = await backend.open(specOf({ detect: null, picture: 'as-is' }));
  const frame = ledger.own(plainFrame([200, 100, 50], { width: 32, height: 16 }));
  const view: View = { displayWidth: 16, displayHeight: 32, orientation: { rotation: 90, flip: false } };
  const { frame: out, detections } = await processor.process({ frame, index: 0, view });
  expect(detections).toBeNull();
  expect([out!.visibleRect!.width, out!.visibleRect!.height]).toEqual([32, 16]);
  ledger.close(out!);
  await processor.close();
});

it('pictures of changing sizes each come out in their own, upright', async () => {
  const processor = await backend.open(specOf());
  for (const [index, [width, height]] of (
    [
      [48, 32],
      [30, 50],
    ] as const
  ).entries()) {
    const frame = ledger.own(plainFrame([90, 90, 90], { width, height }));
    const view: View = {
      displayWidth: height,
      displayHeight: width,
      orientation: { rotation: 270, flip: false },
    };
    const { frame: out } = await processor.process({ frame, index, view });
    expect([out!.visibleRect!.width, out!.visibleRect!.height]).toEqual([height, width]);
    ledger.close(out!);
  }
  await processor.close();
});

it('a model whose answer is not what its descriptor says is refused', async () => {
  const model = standIn();
  model.descriptor.output.head.anchors = 2;
  const processor = await backend.open(specOf({ detect: { model, options: DETECT }, picture: 'none' }));
  await expect(through(processor, [10])).rejects.toMatchObject({ code: 'model-shape' });
  await processor.close();
});

it('a device lost while frames are on their way fails every one of them, and nothing is left open', async () => {
  const processor = await backend.open(specOf());
  for (const { frame } of await through(processor, [40])) ledger.close(frame!);
  const onTheWay = [1, 2, 3].map((index) => {
    const frame = ledger.own(plainFrame([80, 80, 80], { timestamp: index }));
    return processor.process({ frame, index, view: VIEW });
  });
  device.destroy();
  for (const { status, ...outcome } of await Promise.allSettled(onTheWay)) {
    expect(status).toBe('rejected');
    expect(outcome).toMatchObject({ reason: { code: 'engine-fault' } });
  }
  await processor.close();
});

it('a stream that is closed with frames on their way ends', async () => {
  const processor = await backend.open(specOf());
  const onTheWay = [0, 1, 2].map((index) => {
    const frame = ledger.own(plainFrame([80, 80, 80], { timestamp: index }));
    return processor.process({ frame, index, view: VIEW });
  });
  const settled = Promise.allSettled(onTheWay);
  await processor.close();
  for (const outcome of await settled) {
    if (outcome.status === 'fulfilled') ledger.close(outcome.value.frame!);
  }
});

it('a class that the model does not know is refused', async () => {
  const detect = { model: standIn(), options: { ...DETECT, classes: ['dragon'] } };
  await expect(backend.open(specOf({ detect }))).rejects.toMatchObject({ code: 'option-invalid' });
});

/** Luma (or red) where nothing is drawn, and on the box's lower line. */
async function lookAt(frame: VideoFrame, x: number): Promise<{ luma: number; line: number }> {
  const { picture } = await copyPlanes(frame);
  const { data, offset, stride, step } = picture.planes[0];
  const at = (px: number, py: number) => data[offset + py * stride + px * step]!;
  return { luma: at(2, SIDE - 2), line: at(Math.round(x), SIDE / 2 + STAND_IN_BOX / 2 - 1) };
}

/** What {@link lookAt} should find. */
function lumaOf([red, green, blue]: readonly number[], { format }: VideoFrame): number {
  if (format !== 'I420') return red!;
  return 16 + (219 / 255) * (0.2126 * red! + 0.7152 * green! + 0.0722 * blue!);
}
