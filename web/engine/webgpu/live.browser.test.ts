import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Bitmap, UPRIGHT, type View } from '../../../kernels/index.ts';
import type { Detection } from '../../../protocol/index.ts';
import type { LiveFrame, LiveShown, LiveSpec, LiveStages } from '../backend/live.ts';
import { CpuBackend } from '../cpu/cpu-backend.ts';
import { copyPlanes } from '../cpu/planes.ts';
import { FrameLedger } from '../pipeline/frame-ledger.ts';
import { Meter } from '../pipeline/meter.ts';
import { depthStandIn, ORT_BASE, openBackend, plainFrame, SIDE, standIn, standInX } from './testing.ts';

const VIEW: View = { displayWidth: SIDE, displayHeight: SIDE, orientation: UPRIGHT };
const BOX: Detection = { class: 'thing', id: 0, score: 0.9, box: [8, 20, 40, 30] };

let ledger: FrameLedger;
beforeEach(() => {
  ledger = new FrameLedger();
});
afterEach(() => expect(ledger.open).toBe(0));

const specOf = (changes: Partial<LiveSpec> = {}): LiveSpec => ({
  detect: { model: standIn(), iou: 0.65 },
  depth: null,
  layout: 'overlay',
  ledger,
  meter: new Meter(),
  log: () => {},
  ...changes,
});

const show = (stages: LiveStages, red: number, changes: Partial<LiveFrame> = {}): Promise<LiveShown> => {
  const frame = ledger.own(plainFrame([red, 100, 50], { timestamp: 1000 * red }));
  return stages.show({ frame, view: VIEW, boxes: [], layers: [], look: false, ...changes });
};

const BACKENDS = {
  webgpu: async () => (await openBackend()).backend,
  cpu: async () => new CpuBackend('asked for', { ortBase: ORT_BASE, cores: 2 }),
};

for (const [name, open] of Object.entries(BACKENDS)) {
  it(`${name}: the boxes that come with a frame are drawn, and those that it is looked at for come later`, async () => {
    const backend = await open();
    const stages = await backend.openLive(specOf());
    for (const red of [60, 120, 200]) {
      const { frame, looked } = await show(stages, red, { boxes: [BOX], look: true });
      expect(frame.timestamp).toBe(1000 * red);
      expect(await lumaAt(frame, 28, 21)).toBeGreaterThan((await lumaAt(frame, 28, 35)) + 15);
      ledger.close(frame);
      const [x, , width] = (await looked!).detections![0]!.box;
      expect(Math.abs(x + width / 2 - standInX(red))).toBeLessThan(9);
    }
    await stages.close();
    await backend.close();
  });

  it(`${name}: frames that are not looked at wait for nobody, and depth stays as it was estimated last`, async () => {
    const backend = await open();
    const depth = { model: depthStandIn() };
    const stages = await backend.openLive(specOf({ detect: null, depth, layout: 'side-by-side' }));
    const first = await show(stages, 100, { look: true });
    const width = first.frame.visibleRect!.width;
    ledger.close(first.frame);
    expect(width).toBe(2 * SIDE);
    expect((await first.looked!).depth!.stats!.p50).toBeCloseTo(100 / 255, 2);
    const later = await show(stages, 180);
    expect(later.looked).toBeNull();
    ledger.close(later.frame);
    await stages.close();
    await backend.close();
  });

  it(`${name}: layers lie over the picture, another picture among them`, async () => {
    const backend = await open();
    const stages = await backend.openLive(specOf({ detect: null, layout: null }));
    const inset = plainFrame([250, 250, 250], { width: 32, height: 32 });
    const { frame } = await show(stages, 60, {
      layers: [
        { kind: 'frame', frame: inset, view: VIEW, left: 40, top: 8, width: 16, height: 16, opacity: 1 },
        { kind: 'bitmap', bitmap: plain(16, [0, 0, 0]), left: 8, top: 40, opacity: 1 },
      ],
    });
    inset.close();
    expect(await lumaAt(frame, 48, 16)).toBeGreaterThan(215);
    expect(await lumaAt(frame, 16, 48)).toBeLessThan(22);
    expect(await lumaAt(frame, 16, 16)).toBeGreaterThan(50);
    ledger.close(frame);
    await stages.close();
    await backend.close();
  });

  it(`${name}: with nothing to find it is a picture all the same`, async () => {
    const backend = await open();
    const stages = await backend.openLive(specOf({ detect: null, layout: null }));
    const shown = await Promise.all([80, 90, 100].map((red) => show(stages, red)));
    expect(shown.map(({ frame }) => frame.timestamp)).toEqual([80_000, 90_000, 100_000]);
    for (const { frame } of shown) ledger.close(frame);
    await stages.close();
    await backend.close();
  });
}

function plain(side: number, rgb: number[]): Bitmap {
  const data = new Uint8ClampedArray(4 * side * side);
  for (let at = 0; at < data.length; at += 4) data.set([...rgb, 255], at);
  return { width: side, height: side, data };
}

async function lumaAt(frame: VideoFrame, x: number, y: number): Promise<number> {
  const { picture } = await copyPlanes(frame);
  const { data, offset, stride, step } = picture.planes[0];
  return data[offset + y * stride + x * step]!;
}
