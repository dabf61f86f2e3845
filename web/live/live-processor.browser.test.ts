import { afterEach, expect, it, vi } from 'vitest';
import type { FrameEvent } from '../../protocol/index.ts';
import type { LiveReport, LiveState } from '../engine/live/live-messages.ts';
import { LiveProcessor, type LiveProcessorOptions } from './live-processor.ts';

const FOLDERS = { ortBase: '/node_modules/onnxruntime-web/dist/', modelBase: '/models/demo/' };
const LOOK = [
  { kind: 'detect', options: { model: 'street-yolo' } },
  { kind: 'overlay' },
] satisfies LiveProcessorOptions['stages'];

const PATIENT = { timeout: 30_000 };
const soon = (holds: () => void) => vi.waitFor(holds, PATIENT);

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

/** A track of a grey picture whose left edge moves. */
function pictureTrack(color = '#808080', width = 320, height = 240): MediaStreamTrack {
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width, height });
  const context = canvas.getContext('2d')!;
  let at = 0;
  const draw = () => {
    context.fillStyle = color;
    context.fillRect(0, 0, width, height);
    context.fillStyle = '#000';
    context.fillRect(0, 0, at++ % 8, height);
  };
  draw();
  const timer = setInterval(draw, 40);
  const [track] = canvas.captureStream(25).getVideoTracks();
  open.push({
    close: () => {
      clearInterval(timer);
      track!.stop();
    },
  });
  return track!;
}

function processorOf(options: LiveProcessorOptions) {
  const heard = {
    states: [] as LiveState[],
    events: [] as FrameEvent[],
    reports: [] as LiveReport[],
    ended: 0,
  };
  const processor = new LiveProcessor({
    ...FOLDERS,
    backend: 'cpu',
    onState: (state) => heard.states.push(state),
    onEvent: (event) => heard.events.push(event),
    onReport: (report) => heard.reports.push(report),
    onSource: (what) => {
      if (what === 'ended') heard.ended++;
    },
    ...options,
  });
  open.push(processor);
  return { processor, heard };
}

/** Plays a track; `colorAt` is the picture's colour at a place, 0 to 1. */
async function play(track: MediaStreamTrack) {
  const video = document.createElement('video');
  Object.assign(video, { muted: true, srcObject: new MediaStream([track]) });
  await video.play();
  const frame = () => new Promise((resolve) => video.requestVideoFrameCallback(resolve));
  return {
    video,
    frame,
    async colorAt(x: number, y: number) {
      await frame();
      const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
      const context = canvas.getContext('2d')!;
      context.drawImage(video, 0, 0);
      const { data } = context.getImageData(x * canvas.width, y * canvas.height, 1, 1);
      return [...data.slice(0, 3)];
    },
  };
}

it('a track comes out as a track with the picture that went in', async () => {
  const { processor, heard } = processorOf({ stages: [] });
  const out = await processor.process(pictureTrack('#c04020'));
  expect(out.kind).toBe('video');
  const player = await play(out);
  await expect
    .poll(() => player.colorAt(0.5, 0.5), PATIENT)
    .toSatisfy(([r, g, b]) => near(r, 192) && near(g, 64) && near(b, 32));
  await expect.poll(() => heard.reports.length, PATIENT).toBeGreaterThan(1);
  expect(heard.reports.at(-1)).toMatchObject({ width: 320, height: 240, looked: 0 });
});

it('models look at frames while the picture goes on', async () => {
  const { processor, heard } = processorOf({ stages: LOOK });
  const player = await play(await processor.process(pictureTrack()));
  await player.frame();
  await soon(() => expect(heard.events.length).toBeGreaterThan(3));
  expect(heard.states.map(({ state }) => state)).toEqual(['opening', 'running']);
  expect(heard.events[0]).toMatchObject({ type: 'frame', source: 'live', detections: expect.any(Array) });
  await soon(() => expect(heard.reports.at(-1)!.looked).toBeGreaterThan(0));
  const { looked, frames, stages } = heard.reports.at(-1)!;
  expect(looked).toBeLessThanOrEqual(frames);
  expect(Object.keys(stages)).toEqual(expect.arrayContaining(['copy', 'letterbox', 'infer', 'draw']));
});

it('another source takes the place of the one before, on the same track', async () => {
  const { processor } = processorOf({ stages: [] });
  const out = await processor.process(pictureTrack('#ff0000'));
  const player = await play(out);
  await expect.poll(() => player.colorAt(0.5, 0.5), PATIENT).toSatisfy(([r, g]) => r! > 200 && g! < 60);
  expect(await processor.process(pictureTrack('#00ff00', 160, 120))).toBe(out);
  await expect.poll(() => player.colorAt(0.5, 0.5), PATIENT).toSatisfy(([r, g]) => r! < 60 && g! > 200);
  expect([player.video.videoWidth, player.video.videoHeight]).toEqual([160, 120]);
});

it('a model that is not there is told, and the picture goes on', async () => {
  const { processor, heard } = processorOf({ stages: [] });
  const player = await play(await processor.process(pictureTrack()));
  processor.setStages([{ kind: 'detect', options: { model: 'missing.onnx' } }, { kind: 'overlay' }]);
  await soon(() => expect(heard.states.at(-1)!.state).toBe('failed'));
  expect(heard.states.at(-1)).toMatchObject({ error: { code: 'model-unavailable' } });
  await player.frame();
  processor.setStages(LOOK);
  await soon(() => expect(heard.events.length).toBeGreaterThan(0));
});

it('stages that cannot be are refused before anything changes', async () => {
  const { processor } = processorOf({ stages: [] });
  expect(() => processor.setStages([{ kind: 'track' }])).toThrow('does not stand on a detect stage');
});

it('a source that ends is told, and another one may come', async () => {
  const { processor, heard } = processorOf({ stages: [] });
  const track = pictureTrack();
  const player = await play(await processor.process(track));
  await player.frame();
  track.stop();
  await soon(() => expect(heard.ended).toBe(1));
  await processor.process(pictureTrack('#0000ff'));
  await expect.poll(() => player.colorAt(0.5, 0.5), PATIENT).toSatisfy(([r, , b]) => r! < 60 && b! > 200);
  expect(heard.ended).toBe(1);
});

it('where the browser makes no streams of tracks, a canvas and a video do', async () => {
  vi.stubGlobal('MediaStreamTrackProcessor', undefined);
  vi.stubGlobal('MediaStreamTrackGenerator', undefined);
  try {
    const { processor, heard } = processorOf({ stages: LOOK });
    const player = await play(await processor.process(pictureTrack('#4080c0')));
    await expect
      .poll(() => player.colorAt(0.9, 0.9), PATIENT)
      .toSatisfy(([r, g, b]) => near(r, 64) && near(g, 128) && near(b, 192));
    await soon(() => expect(heard.events.length).toBeGreaterThan(1));
  } finally {
    vi.unstubAllGlobals();
  }
});

const near = (value: number | undefined, wanted: number) => Math.abs(value! - wanted) < 12;
