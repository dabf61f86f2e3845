import {
  OverlayGpu,
  type Picture,
  samplesToRgb,
  TextureUsage,
  UPRIGHT,
  type View,
} from '../../../kernels/index.ts';
import { EdgeRunnerError } from '../../../protocol/index.ts';
import { copyPlanes } from '../cpu/planes.ts';
import { chooseEncoder } from '../sink/encoder-config.ts';
import { createFrameOut, type FrameOut, type FrameOutWay } from './frame-out.ts';
import type { Gpu } from './gpu.ts';

export interface FrameOutChoice {
  way: FrameOutWay;
  /** The figures behind it, for the log. */
  words: string;
}

/**
 * Which way out is right and faster here. Canvas frames come out black with some drivers and flags, so both ways are
 * looked at pixel by pixel; and whether a canvas frame is free or is read back slowly is for the encoder to show, so
 * both are timed with the one that this machine would use.
 * @throws {EdgeRunnerError} `engine-fault` when neither way gives the right pixels.
 */
export async function chooseFrameOut(gpu: Gpu): Promise<FrameOutChoice> {
  const canvas = await tryOut(gpu, 'canvas');
  const planes = await tryOut(gpu, 'planes');
  if (canvas.fault && planes.fault) {
    throw new EdgeRunnerError(
      'engine-fault',
      `Pictures do not come out of WebGPU right here: canvas: ${canvas.fault}; planes: ${planes.fault}.`,
      'Update the graphics driver or the browser, or take the cpu backend.',
    );
  }
  const way = planes.fault || (!canvas.fault && canvas.ms < planes.ms) ? 'canvas' : 'planes';
  const say = ({ fault, ms }: Trial) => fault ?? `${ms.toFixed(1)} ms a frame`;
  return {
    way,
    words: `${way} (canvas: ${say(canvas)}; planes: ${say(planes)}; at ${WIDTH}×${HEIGHT}, encode included)`,
  };
}

/** One way out with a pattern instead of a video. */
export async function tryOut(gpu: Gpu, way: FrameOutWay): Promise<Trial> {
  const out = createFrameOut(way, gpu, { width: WIDTH, height: HEIGHT, matrix: 'bt709' });
  const pattern = new Pattern(gpu, out);
  try {
    // Two in one go: the second must not show the first.
    const faults = await Promise.all([0, 1].map((turn) => wrongPixel(pattern.submit(turn), turn)));
    const fault = faults.find((found) => found !== null) ?? null;
    return { fault, ms: fault === null ? await timed(pattern) : Number.POSITIVE_INFINITY };
  } catch (error) {
    if (gpu.failed) throw error;
    const fault = error instanceof Error ? error.message : String(error);
    return { fault, ms: Number.POSITIVE_INFINITY };
  } finally {
    pattern.destroy();
    out.destroy();
  }
}

export interface Trial {
  /** What is wrong with the pixels; null when they are right. */
  fault: string | null;
  /** A frame, drawn and encoded, with others on the way. */
  ms: number;
}

const WIDTH = 1280;
const HEIGHT = 720;
const TIMED_FRAMES = 6;
/** Of 255: two colour conversions, each rounded. */
const TOLERANCE = 6;

/** One quarter of the picture each. */
const COLORS = [
  [230, 40, 50],
  [40, 200, 60],
  [50, 60, 220],
  [200, 200, 40],
] as const;

const NOTHING = { boxes: null, depth: null };

/** Four colours, which move on by one quarter each turn. */
const quarter = (index: number, turn: number) => COLORS[(index + turn) % COLORS.length]!;

class Pattern {
  readonly #gpu: Gpu;
  readonly #out: FrameOut;
  readonly #overlay: OverlayGpu;
  readonly #textures: GPUTexture[];

  constructor(gpu: Gpu, out: FrameOut) {
    this.#gpu = gpu;
    this.#out = out;
    this.#overlay = new OverlayGpu(gpu.device, {
      width: WIDTH,
      height: HEIGHT,
      format: out.format,
      classNames: [],
      kind: 'texture',
    });
    this.#textures = COLORS.map((_, turn) => patternTexture(gpu.device, turn));
  }

  submit(turn: number): Promise<VideoFrame> {
    const encoder = this.#gpu.device.createCommandEncoder({ label: 'frame-out trial' });
    const source = this.#textures[turn % this.#textures.length]!.createView();
    const view: View = { displayWidth: WIDTH, displayHeight: HEIGHT, orientation: UPRIGHT };
    return this.#out.submit(
      encoder,
      (target) => this.#overlay.encode(encoder, source, view, target, NOTHING),
      {
        timestamp: turn * 33_333,
        duration: 33_333,
      },
    );
  }

  destroy(): void {
    for (const texture of this.#textures) texture.destroy();
    this.#overlay.destroy();
  }
}

/** Sampled bilinearly, so the middle of a quarter is its colour alone when it is four texels of its own. */
function patternTexture(device: GPUDevice, turn: number): GPUTexture {
  const size = 8;
  const texture = device.createTexture({
    label: 'frame-out pattern',
    size: [size, size],
    format: 'rgba8unorm',
    usage: TextureUsage.TEXTURE_BINDING | TextureUsage.COPY_DST,
  });
  const pixels = new Uint8Array(4 * size * size);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const index = 2 * Number(y >= size / 2) + Number(x >= size / 2);
      pixels.set([...quarter(index, turn), 255], 4 * (y * size + x));
    }
  }
  device.queue.writeTexture({ texture }, pixels, { bytesPerRow: 4 * size }, [size, size]);
  return texture;
}

async function wrongPixel(submitted: Promise<VideoFrame>, turn: number): Promise<string | null> {
  const frame = await submitted;
  try {
    // The frame's own samples: `copyTo`'s conversion to RGB is off by more than the tolerance in the blues.
    const { picture } = await copyPlanes(frame);
    if (picture.width !== WIDTH || picture.height !== HEIGHT)
      return `${picture.width}×${picture.height} instead of ${WIDTH}×${HEIGHT}`;
    for (const index of COLORS.keys()) {
      const x = WIDTH / 4 + (index % 2) * (WIDTH / 2);
      const y = HEIGHT / 4 + (index >> 1) * (HEIGHT / 2);
      const found = rgbAt(picture, x, y);
      const wanted = quarter(index, turn);
      if (found.every((sample) => sample <= 16)) return 'black pictures';
      if (found.some((sample, c) => Math.abs(sample - wanted[c]!) > TOLERANCE))
        return `rgb(${found}) instead of rgb(${wanted})`;
    }
    return null;
  } finally {
    frame.close();
  }
}

function rgbAt({ planes, color, bits }: Picture, x: number, y: number): number[] {
  const samples = planes.map(
    ({ data, offset, stride, step, subX, subY }) => data[offset + (y >> subY) * stride + (x >> subX) * step]!,
  );
  const toRgb = samplesToRgb(color, bits);
  return [0, 4, 8].map((row) =>
    Math.round(samples.reduce((sum, sample, k) => sum + toRgb[row + k]! * sample, toRgb[row + 3]!)),
  );
}

/** Mean milliseconds a frame, from the draw to the encoder's being done with it. */
async function timed(pattern: Pattern): Promise<number> {
  const wish = { width: WIDTH, height: HEIGHT, fps: 30 };
  const { config } = await chooseEncoder({ codec: 'h264', ...wish }).catch(() =>
    chooseEncoder({ codec: 'vp8', ...wish }),
  );
  // What it refuses, it throws from `flush` too.
  const encoder = new VideoEncoder({ output: () => {}, error: () => {} });
  const encode = async (turn: number) => {
    const frame = await pattern.submit(turn);
    if (encoder.state === 'configured') encoder.encode(frame);
    frame.close();
  };
  try {
    encoder.configure(config);
    // The first frame pays for setting the encoder up.
    await encode(0);
    await encoder.flush();
    const start = performance.now();
    await Promise.all(Array.from({ length: TIMED_FRAMES }, (_, i) => encode(i + 1)));
    await encoder.flush();
    return (performance.now() - start) / TIMED_FRAMES;
  } catch (error) {
    // An encoder that does not take these frames makes the way useless, whatever its pixels.
    if (encoder.state === 'closed') return Number.POSITIVE_INFINITY;
    throw error;
  } finally {
    if (encoder.state !== 'closed') encoder.close();
  }
}
