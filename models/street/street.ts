import { type Actor, build, STREET_CLASSES, type StreetClass } from './actors.ts';
import { hash } from './random.ts';
import { Raster } from './raster.ts';
import { makeScene, type Scene } from './scene.ts';
import { buildScenery } from './scenery.ts';
import { rotation, Stage } from './stage.ts';
import { mix, noise, scaled } from './surface.ts';
import { actorsOf } from './traffic.ts';

export interface StreetOptions {
  /** Decides everything: the same seed gives the same clip. */
  seed: number;
  /** px */
  width: number;
  height: number;
  fps: number;
}

/** One object of a frame, as it is and not as somebody finds it. */
export interface StreetTruth {
  class: StreetClass;
  /** Of {@link STREET_CLASSES}. */
  classId: number;
  /** The same over the whole clip. */
  id: number;
  /** x, y, width, height of all of it that lies inside the picture, hidden or not, px. */
  box: [number, number, number, number];
  /** Share of that which is not hidden, 0–1. */
  visible: number;
}

export interface StreetFrame {
  /** RGB, 3 bytes a pixel; valid until the next frame. */
  color: Uint8ClampedArray<ArrayBuffer>;
  /** Distance along the camera's axis as 1/m, 0 for the sky; valid until the next frame. */
  inverseDepth: Float32Array<ArrayBuffer>;
  truth: StreetTruth[];
}

/** Metres from the camera within which nobody would have put it, or would stand before it. */
const TOO_NEAR: Partial<Record<StreetClass, number>> = { sign: 5, person: 2 };

/** A procedural street: any frame of it, in any order, with its truth. Nothing but arithmetic; no two seeds alike. */
export class Street {
  readonly options: StreetOptions;
  readonly #scene: Scene;
  readonly #raster: Raster;
  readonly #focal: number;
  readonly #row: Float32Array<ArrayBuffer>;

  constructor(options: StreetOptions) {
    const { seed, width, height } = options;
    this.options = options;
    this.#scene = makeScene(seed);
    this.#focal = width / 2 / Math.tan(this.#scene.fieldOfView / 2);
    this.#raster = new Raster(width, height, this.#focal);
    this.#row = new Float32Array((width + 2) * 3);
  }

  frame(index: number): StreetFrame {
    const { fps, seed, width, height } = this.options;
    const scene = this.#scene;
    const time = index / fps;
    const camera = scene.camera(time);
    const stage = new Stage(camera, scene.light);
    const [x, , z] = camera.position;
    const actors = scene.flows
      .flatMap((flow) => actorsOf(flow, time, z))
      .filter((actor) => Math.hypot(actor.x - x, actor.z - z) > (TOO_NEAR[actor.class] ?? 0));
    buildScenery(
      scene,
      stage,
      actors.filter((actor) => actor.class === 'sign'),
    );
    for (const [i, actor] of actors.entries()) build(actor, stage, i + 1);
    this.#raster.clear(scene.haze, scaled(scene.sky.horizon, scene.light.ambient + scene.light.sun * 0.5));
    // Shadows lie on what is drawn already, the ground, and under what comes after.
    const { faces } = stage;
    for (const face of faces) if (face.object === 0 && !face.shadow) this.#raster.draw(face);
    for (const face of faces) if (face.shadow) this.#raster.draw(face);
    for (const face of faces) if (face.object !== 0) this.#raster.draw(face);
    this.#paintSky(stage);
    this.#develop(hash(seed, index, 3));
    return {
      color: this.#raster.color,
      inverseDepth: this.#raster.inverseDepth,
      truth: this.#truth(actors, width, height),
    };
  }

  #truth(actors: Actor[], width: number, height: number): StreetTruth[] {
    const seen = new Uint32Array(actors.length + 1);
    const { object } = this.#raster;
    for (let i = 0; i < width * height; i++) seen[object[i]!]!++;
    return actors.flatMap((actor, i) => {
      const coverage = this.#raster.coverageOf(i + 1);
      if (!coverage) return [];
      const { minX, minY, maxX, maxY, pixels } = coverage;
      return [
        {
          class: actor.class,
          classId: STREET_CLASSES.indexOf(actor.class),
          id: actor.id,
          box: [minX, minY, maxX - minX + 1, maxY - minY + 1] as [number, number, number, number],
          visible: seen[i + 1]! / pixels,
        },
      ];
    });
  }

  #paintSky({ camera }: Stage): void {
    const { color, inverseDepth, width, height } = this.#raster;
    const { zenith, horizon, clouds, cloud, seed } = this.#scene.sky;
    const m = rotation(camera);
    const shine = this.#scene.light.ambient + this.#scene.light.sun * 0.5;
    for (let y = 0; y < height; y++) {
      const dy = (height / 2 - y - 0.5) / this.#focal;
      for (let x = 0; x < width; x++) {
        const pixel = y * width + x;
        if (inverseDepth[pixel] !== 0) continue;
        const dx = (x + 0.5 - width / 2) / this.#focal;
        const up = m[1]! * dx + m[4]! * dy + m[7]!;
        const side = m[0]! * dx + m[3]! * dy + m[6]!;
        const ahead = m[2]! * dx + m[5]! * dy + m[8]!;
        const rise = Math.max(0, Math.min(1, up * 2));
        let sky = mix(horizon, zenith, rise);
        if (up > 0.02) {
          const u = (side / up) * 0.8;
          const v = (ahead / up) * 0.8;
          const thick = noise(seed, u, v) * 0.65 + noise(seed + 9, u * 2.7, v * 2.7) * 0.35;
          const cover = Math.max(0, Math.min(1, (thick - 1 + clouds) * 3)) * Math.min(1, up * 6);
          if (cover > 0) sky = mix(sky, cloud, cover);
        }
        color[pixel * 3] = ((sky >> 16) & 255) * shine;
        color[pixel * 3 + 1] = ((sky >> 8) & 255) * shine;
        color[pixel * 3 + 2] = (sky & 255) * shine;
      }
    }
  }

  /** Lens, sensor and electronics: a little blur against stairs, exposure, colour cast, noise. */
  #develop(seed: number): void {
    const { color, width, height } = this.#raster;
    const { noise: grain, blur, gain, warmth, contrast } = this.#scene.sensor;
    soften(color, width, height, 0.18 + 0.14 * blur, this.#row);
    const curves = [1 + warmth, 1, 1 - warmth].map((cast) =>
      Float32Array.from({ length: 256 }, (_, value) => ((value - 110) * contrast + 110) * gain * cast),
    );
    let state = seed | 1;
    const [red, green, blue] = curves as [Float32Array, Float32Array, Float32Array];
    for (let i = 0; i < color.length; i += 3) {
      // xorshift; the sum of four of its bytes is near enough to a normal number.
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      const luma =
        (((state & 255) + ((state >>> 8) & 255) + ((state >>> 16) & 255) + (state >>> 24) - 510) / 148) *
        grain;
      color[i] = red[color[i]!]! + luma;
      color[i + 1] = green[color[i + 1]!]! + luma;
      color[i + 2] = blue[color[i + 2]!]! + luma;
    }
  }
}

/** A separable three-tap blur in place; `side` is the weight of each neighbour. */
function soften(
  color: Uint8ClampedArray<ArrayBuffer>,
  width: number,
  height: number,
  side: number,
  scratch: Float32Array,
): void {
  const middle = 1 - 2 * side;
  const stride = width * 3;
  for (let y = 0; y < height; y++) {
    const row = y * stride;
    for (let i = 0; i < stride; i++) scratch[i] = color[row + i]!;
    for (let i = 3; i < stride - 3; i++)
      color[row + i] = scratch[i]! * middle + (scratch[i - 3]! + scratch[i + 3]!) * side;
  }
  for (let i = 0; i < stride; i++) scratch[i] = color[i]!;
  for (let y = 1; y < height - 1; y++) {
    const row = y * stride;
    for (let i = 0; i < stride; i++) {
      const here = color[row + i]!;
      color[row + i] = here * middle + (scratch[i]! + color[row + stride + i]!) * side;
      scratch[i] = here;
    }
  }
}
