import { expect, it, vi } from 'vitest';
import { CompositeCpu, packedLayout, pictureOver, UPRIGHT } from '../../../kernels/index.ts';
import { type BannerInput, parseBanner } from '../../../protocol/index.ts';
import { Banner, type BannerMoment } from './banner.ts';

const SIZE = { width: 1280, height: 720 };
const NOON = new Date('2026-11-23T12:34:56Z');

const moment = (seconds: number, changes: Partial<BannerMoment> = {}): BannerMoment => ({
  ...{ ...SIZE, seconds, date: NOON, inset: null },
  ...changes,
});

function bannerOf(layers: BannerInput['layers'], at = 0) {
  const failures: string[] = [];
  const banner = new Banner((message) => failures.push(message));
  const set = (next: BannerInput['layers'], seconds: number) =>
    banner.set(parseBanner({ layers: next }), seconds);
  set(layers, at);
  return { banner, set, failures };
}

/** What of a layer's pixels is seen, px. */
const rectOf = (layer: ReturnType<Banner['layersAt']>[number]) => {
  const { width, height } = layer.kind === 'bitmap' ? layer.bitmap : layer;
  return { left: layer.left, top: layer.top, right: layer.left + width, bottom: layer.top + height };
};

it('a lower third slides in from its side, stands at the edge, and slides out', () => {
  const name = { id: 'name', kind: 'lower-third', title: 'Ada', animation: 'slide' } as const;
  const { banner, set } = bannerOf([name]);
  expect(banner.layersAt(moment(0))).toEqual([]);
  const [coming] = banner.layersAt(moment(0.2));
  const [there] = banner.layersAt(moment(1));
  expect(coming!.left).toBeLessThan(0);
  expect(there!.left).toBe(0);
  expect(rectOf(there!).bottom).toBe(720 - 36);
  set([{ ...name, shown: false }], 2);
  expect(banner.layersAt(moment(2.2))[0]!.left).toBeLessThan(0);
  expect(banner.layersAt(moment(3))).toEqual([]);
});

it('a layer that is named no longer goes as it would have gone, and another text is there at once', () => {
  const name = { id: 'name', kind: 'lower-third', title: 'Ada' } as const;
  const { banner, set } = bannerOf([name]);
  const [first] = banner.layersAt(moment(1));
  set([{ ...name, title: 'Grace Hopper, rear admiral' }], 1);
  const [second] = banner.layersAt(moment(1));
  expect(second!.opacity).toBe(1);
  expect(rectOf(second!).right).toBeGreaterThan(rectOf(first!).right);
  set([], 2);
  expect(banner.layersAt(moment(2.2))[0]!.opacity).toBeCloseTo(0.5, 2);
  expect(banner.layersAt(moment(2.5))).toEqual([]);
  expect(banner.isEmpty).toBe(true);
});

it('what shares a corner stands one after the other, above a ticker', () => {
  const { banner } = bannerOf([
    { id: 'a', kind: 'clock', corner: 'bottom-right' },
    { id: 'b', kind: 'clock', corner: 'bottom-right' },
    { id: 'news', kind: 'ticker', text: 'news' },
  ]);
  const [lower, upper, band] = banner.layersAt(moment(1));
  expect(rectOf(band!)).toEqual({ left: 0, top: 676, right: 1280, bottom: 720 });
  expect(rectOf(lower!).bottom).toBe(676 - 36);
  expect(rectOf(upper!).bottom).toBe(rectOf(lower!).top - 14);
});

it('a bitmap is drawn again only when what it shows is another', () => {
  const { banner } = bannerOf([{ id: 'clock', kind: 'clock', timeZone: 'UTC' }]);
  const bitmapAt = (date: Date) => {
    const [layer] = banner.layersAt(moment(1, { date }));
    return layer!.kind === 'bitmap' ? layer!.bitmap : null;
  };
  const now = bitmapAt(NOON);
  expect(bitmapAt(new Date(NOON.getTime() + 400))).toBe(now);
  expect(bitmapAt(new Date(NOON.getTime() + 1400))).not.toBe(now);
});

it('a ticker runs from right to left without a gap between its pieces, and comes again', () => {
  const text =
    'A sentence that is long enough to be cut into pieces of a width that textures can have. '.repeat(20);
  const { banner } = bannerOf([{ id: 'news', kind: 'ticker', text, speed: 0.5, animation: 'none' }]);
  const pieces = (seconds: number) => banner.layersAt(moment(seconds)).slice(1).map(rectOf);
  expect(pieces(0)).toEqual([]);
  expect(pieces(1)[0]!.left).toBe(1280 - 640);
  for (const seconds of [3, 5, 10]) {
    const seen = pieces(seconds);
    for (const [i, piece] of seen.slice(1).entries()) expect(piece.left).toBe(seen[i]!.right);
    expect(seen.every(({ left, right }) => right - left <= 2048 + 1)).toBe(true);
  }
  // Long after, it is still somewhere.
  expect(pieces(10_000).length).toBeGreaterThan(0);
});

it('text is what was written: the clock of its zone, in pixels of the picture', async () => {
  const { banner } = bannerOf([
    { id: 'clock', kind: 'clock', background: '#000000', timeZone: 'Asia/Tokyo' },
  ]);
  const [layer] = banner.layersAt(moment(1));
  expect(layer!.kind).toBe('bitmap');
  const picture = grey(SIZE.width, SIZE.height);
  new CompositeCpu().draw(picture, banner.layersAt(moment(1)) as never);
  const { data } = picture.planes[0];
  const row = (y: number) => data.subarray(y * SIZE.width, (y + 1) * SIZE.width);
  const middle = row(36 + 25).subarray(36, 36 + 180);
  // White digits on black, with sharp edges.
  expect(Math.max(...middle)).toBeGreaterThan(225);
  expect(Math.min(...middle)).toBeLessThan(24);
});

it('a logo comes when it has been read, and one that cannot be is told', async () => {
  const canvas = new OffscreenCanvas(40, 20);
  canvas.getContext('2d')!.fillRect(0, 0, 40, 20);
  const png = await canvas.convertToBlob();
  const image = `data:image/png;base64,${btoa(String.fromCharCode(...new Uint8Array(await png.arrayBuffer())))}`;
  const { banner, failures } = bannerOf([
    { id: 'logo', kind: 'logo', image, width: 0.1 },
    { id: 'bad', kind: 'logo', image: 'data:image/png;base64,AAAA' },
  ]);
  await vi.waitFor(() => expect(banner.layersAt(moment(1))).toHaveLength(1), { timeout: 10_000 });
  expect(rectOf(banner.layersAt(moment(1))[0]!)).toEqual({ left: 1116, top: 36, right: 1244, bottom: 100 });
  await vi.waitFor(() => expect(failures).toEqual([expect.stringContaining('"bad"')]), { timeout: 10_000 });
});

it('a second picture keeps its shape, in a frame', () => {
  const { banner } = bannerOf([{ id: 'pip', kind: 'picture-in-picture', width: 0.25 }]);
  expect(banner.layersAt(moment(1))).toEqual([]);
  const inset = insetOf(64, 36);
  const [picture, ...edges] = banner.layersAt(moment(1, { inset }));
  expect(picture).toMatchObject({ kind: 'frame', width: 320, height: 180 });
  expect(edges).toHaveLength(4);
  expect(Math.max(...edges.map((edge) => rectOf(edge).right))).toBe(1280 - 36);
  inset.frame.close();
});

it('a second picture that is tall leaves the next corner free', () => {
  const { banner } = bannerOf([{ id: 'pip', kind: 'picture-in-picture', width: 0.6 }]);
  const inset = insetOf(36, 64);
  const [picture] = banner.layersAt(moment(1, { inset }));
  expect(picture).toMatchObject({ kind: 'frame', width: 243, height: 432 });
  expect(rectOf(picture!)).toMatchObject({ top: 720 - 36 - 3 - 432, right: 1280 - 36 - 3 });
  inset.frame.close();
});

function insetOf(displayWidth: number, displayHeight: number) {
  const frame = new VideoFrame(new Uint8Array(displayWidth * displayHeight * 4), {
    ...{ format: 'RGBX', codedWidth: displayWidth, codedHeight: displayHeight, timestamp: 0 },
  });
  return { frame, view: { displayWidth, displayHeight, orientation: UPRIGHT } };
}

it('of a small picture everything is smaller', () => {
  const { banner } = bannerOf([{ id: 'clock', kind: 'clock' }]);
  const large = rectOf(banner.layersAt(moment(1))[0]!);
  const small = rectOf(banner.layersAt(moment(1, { width: 640, height: 360 }))[0]!);
  expect(small.bottom - small.top).toBeCloseTo((large.bottom - large.top) / 2, 0);
});

function grey(width: number, height: number) {
  const { byteLength } = packedLayout('I420', width, height);
  const picture = pictureOver(new ArrayBuffer(byteLength), 'I420', width, height, {
    matrix: 'bt709',
    fullRange: false,
  });
  picture.planes[0].data.fill(128);
  return picture;
}
