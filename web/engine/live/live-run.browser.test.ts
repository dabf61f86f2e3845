import { afterEach, expect, it, vi } from 'vitest';
import type { LoadedModel } from '../host.ts';
import { ORT_BASE, plainFrame, standIn } from '../webgpu/testing.ts';
import type { FromLiveWorker } from './live-messages.ts';
import type { LiveStage } from './live-plan.ts';
import { LiveRun } from './live-run.ts';

const FIND: LiveStage[] = [{ kind: 'detect', options: { model: 'stand-in' } }, { kind: 'overlay' }];
const soon = (holds: () => void) => vi.waitFor(holds, { timeout: 60_000 });

afterEach(() => vi.restoreAllMocks());

/** A run whose frames are pushed by hand, and what comes of it. */
function runOf(
  backend: 'webgpu' | 'cpu',
  loadModel = async (_name: string): Promise<LoadedModel> => standIn(),
  stages = FIND,
) {
  const said: FromLiveWorker[] = [];
  const times: number[] = [];
  let input!: ReadableStreamDefaultController<VideoFrame>;
  const readable = new ReadableStream<VideoFrame>({
    start: (controller) => {
      input = controller;
    },
  });
  const setup = { stages, backend, ortBase: ORT_BASE, modelBase: '' };
  const sink = async (frame: VideoFrame) => {
    times.push(frame.timestamp);
    frame.close();
  };
  const run = new LiveRun(setup, loadModel, sink, (message) => said.push(message));
  const abort = new AbortController();
  const running = run.run(readable, abort.signal);
  let next = 0;
  return {
    ...{ run, said, times },
    states: () => said.flatMap((one) => (one.type === 'state' ? [one.state] : [])),
    events: () => said.flatMap((one) => (one.type === 'events' ? one.lines : [])),
    /** Frames until `holds`. */
    async until(holds: () => boolean) {
      for (const began = performance.now(); !holds(); ) {
        if (performance.now() - began > 60_000) throw new Error('it never came');
        input.enqueue(plainFrame([120, 100, 50], { timestamp: 40_000 * next++ }));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    frames: () => next,
    async end() {
      input.close();
      await running;
      await run.close();
    },
  };
}

/** The devices that are opened from now on. */
function watchDevices(): GPUDevice[] {
  const devices: GPUDevice[] = [];
  const request = GPUAdapter.prototype.requestDevice;
  vi.spyOn(GPUAdapter.prototype, 'requestDevice').mockImplementation(async function (
    this: GPUAdapter,
    descriptor,
  ) {
    const device = await request.call(this, descriptor);
    devices.push(device);
    return device;
  });
  return devices;
}

it('a GPU that is lost is taken up again, and the processor when it is lost twice; the picture goes on', async () => {
  const devices = watchDevices();
  const live = runOf('webgpu');
  await live.until(() => live.events().length > 1);
  devices[0]!.destroy();
  await live.until(() => live.states().filter((state) => state === 'running').length === 2);
  expect(live.states()).toEqual(['opening', 'running', 'recovering', 'opening', 'running']);
  const before = live.times.length;
  await live.until(() => live.times.length > before + 3);
  devices[1]!.destroy();
  await live.until(() => live.states().filter((state) => state === 'running').length === 3);
  const backends = live.said.flatMap((one) =>
    one.type === 'state' && one.state === 'running' ? [one.backend] : [],
  );
  expect(backends).toEqual(['webgpu', 'webgpu', 'cpu']);
  const looked = live.events().length;
  await live.until(() => live.events().length > looked);
  await live.end();
  // A frame on a device that is lost is lost with it; no other one is.
  expect(live.frames() - live.times.length).toBeLessThan(10);
  expect(live.times).toEqual([...live.times].sort((a, b) => a - b));
});

it('frames pass as they are while models load, and when they cannot be', async () => {
  let fail!: (error: Error) => void;
  const loading = new Promise<LoadedModel>((_resolve, reject) => {
    fail = reject;
  });
  const live = runOf('cpu', () => loading);
  await live.until(() => live.times.length > 5);
  expect(live.states()).toEqual(['opening']);
  fail(new Error('no such file'));
  await soon(() => expect(live.states()).toEqual(['opening', 'failed']));
  const passed = live.times.length;
  await live.until(() => live.times.length > passed + 3);
  await live.end();
  expect(live.times).toHaveLength(live.frames());
});

it('where nobody takes the picture any more it ends, and every frame is closed', async () => {
  const said: FromLiveWorker[] = [];
  const setup = { stages: [], backend: 'cpu', ortBase: ORT_BASE, modelBase: '' } as const;
  const sink = async (frame: VideoFrame) => {
    frame.close();
    throw new Error('the track was stopped');
  };
  const run = new LiveRun(
    setup,
    async () => standIn(),
    sink,
    (message) => said.push(message),
  );
  const frames = [0, 1, 2, 3].map((i) => plainFrame([90, 90, 90], { timestamp: 40_000 * i }));
  const readable = new ReadableStream<VideoFrame>({
    start: (controller) => {
      for (const frame of frames) controller.enqueue(frame);
    },
  });
  // It ends by itself, though the source does not.
  await run.run(readable, new AbortController().signal);
  await run.close();
  // Said once, and not as an end of the source.
  expect(said.filter(({ type }) => type === 'stopped')).toEqual([
    { type: 'stopped', why: 'the track was stopped' },
  ]);
  expect(run.isStopped).toBe(true);
  for (const frame of frames) frame.close();
});

it('stages that cannot be opened leave those before as they are', async () => {
  const live = runOf('cpu', async (name) => {
    if (name === 'nowhere') throw new Error('no such file');
    return standIn();
  });
  await live.until(() => live.events().length > 1);
  live.run.setStages([{ kind: 'detect', options: { model: 'nowhere' } }, { kind: 'overlay' }]);
  await soon(() => expect(live.states()).toEqual(['opening', 'running', 'opening', 'failed']));
  // They look on.
  const looked = live.events().length;
  await live.until(() => live.events().length > looked + 1);
  expect(live.states()).toHaveLength(4);
  await live.end();
});

it('stages without a model are not asked to look while others are loaded', async () => {
  const live = runOf('cpu', async () => {
    throw new Error('no such file');
  }, []);
  await live.until(() => live.states().includes('running'));
  live.run.setStages(FIND);
  await soon(() => expect(live.states()).toContain('failed'));
  const passed = live.times.length;
  await live.until(() => live.times.length > passed + 5);
  // Once, with what was wrong with the model.
  expect(live.states()).toEqual(['opening', 'running', 'opening', 'failed']);
  await live.end();
});

it('a plan that comes while a model loads does not wait for it', async () => {
  const live = runOf('cpu', (name) => (name === 'slow' ? new Promise(() => {}) : Promise.resolve(standIn())));
  await live.until(() => live.events().length > 0);
  live.run.setStages([{ kind: 'detect', options: { model: 'slow' } }]);
  await soon(() => expect(live.states().at(-1)).toBe('opening'));
  live.run.setStages([{ kind: 'detect', options: { model: 'other' } }]);
  await soon(() => expect(live.states().at(-1)).toBe('running'));
  // Nor does the end.
  live.run.setStages([{ kind: 'detect', options: { model: 'slow' } }]);
  await live.end();
});

it('a GPU that is lost while another model loads is taken up again for that one', async () => {
  const devices = watchDevices();
  let load!: (model: LoadedModel) => void;
  const loading = new Promise<LoadedModel>((resolve) => {
    load = resolve;
  });
  const live = runOf('webgpu', (name) => (name === 'late' ? loading : Promise.resolve(standIn())));
  await live.until(() => live.events().length > 1);
  live.run.setStages([{ kind: 'detect', options: { model: 'late' } }, { kind: 'overlay' }]);
  await soon(() => expect(live.states().at(-1)).toBe('opening'));
  devices[0]!.destroy();
  // The picture goes on meanwhile.
  const before = live.times.length;
  await live.until(() => live.times.length > before + 5);
  load(standIn());
  const looked = live.events().length;
  await live.until(() => live.states().at(-1) === 'running' && live.events().length > looked);
  expect(devices.length).toBe(2);
  await live.end();
});

it('what lies over a picture that stands still moves on, and is changed', async () => {
  const banner = (shown: boolean): LiveStage => ({
    kind: 'banner',
    options: { layers: [{ id: 'name', kind: 'lower-third', title: 'Ada', shown }] },
  });
  const live = runOf('cpu', undefined, [banner(false)]);
  await live.until(() => live.states().includes('running') && live.frames() > 3);
  const came = live.frames();
  await soon(() => expect(live.times.length).toBeGreaterThan(came + 5));
  expect(live.times).toEqual([...live.times].sort((a, b) => a - b));
  // Without one nothing is shown twice.
  live.run.setStages([]);
  await live.until(() => live.frames() > came + 3);
  const shown = live.times.length;
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(live.times.length).toBeLessThan(shown + 3);
  await live.end();
});

it('a report says what was shown and looked at, and that no frame stays open', async () => {
  const live = runOf('cpu');
  const reports = () => live.said.flatMap((one) => (one.type === 'report' ? [one.report] : []));
  await live.until(() => reports().filter(({ looked }) => looked > 0).length > 1);
  for (const { frames, looked, openFrames, latency } of reports()) {
    // A frame and what was found on it may be in two reports.
    expect(looked).toBeLessThanOrEqual(frames + 1);
    expect(openFrames).toBeLessThan(4);
    expect(latency!.count).toBeLessThanOrEqual(frames + 2);
  }
  await live.end();
});
