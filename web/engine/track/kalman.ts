/** A box by its centre, its shape (width ÷ height) and its height: what moves evenly, px. */
export type Measurement = readonly [x: number, y: number, shape: number, height: number];

/** Standard deviations of place and of speed a frame, as shares of the height (ByteTrack, Zhang et al. 2022). */
const PLACE = 1 / 20;
const SPEED = 1 / 160;
const SHAPE = 1e-2;
const SHAPE_SPEED = 1e-5;
const SHAPE_NOISE = 1e-1;

/**
 * A Kalman filter of constant velocity for one box, time counted in frames. Place and speed of each of the four
 * numbers are followed apart from the others: nothing couples them, in the motion or in the noise.
 */
export class BoxFilter {
  readonly #axes: Axis[];

  constructor(first: Measurement) {
    const height = first[3];
    this.#axes = first.map((value, i) =>
      i === 2
        ? new Axis(value, SHAPE, SHAPE_SPEED)
        : new Axis(value, 2 * PLACE * height, 10 * SPEED * height),
    );
  }

  /** The box as it stands now. */
  get state(): Measurement {
    const [x, y, shape, height] = this.#axes.map(({ value }) => value) as [number, number, number, number];
    return [x, y, Math.max(shape, 0.01), Math.max(height, 1)];
  }

  /** One frame on. */
  predict(): void {
    const height = this.state[3];
    for (const [i, axis] of this.#axes.entries()) {
      if (i === 2) axis.predict(SHAPE, SHAPE_SPEED);
      else axis.predict(PLACE * height, SPEED * height);
    }
  }

  /** Where the box was found. */
  update(found: Measurement): void {
    const height = this.state[3];
    for (const [i, axis] of this.#axes.entries())
      axis.update(found[i]!, i === 2 ? SHAPE_NOISE : PLACE * height);
  }

  /** Unseen, it no longer grows or shrinks: sizes would run away in few frames. */
  stopGrowing(): void {
    this.#axes[3]!.speed = 0;
  }
}

/** One number and its speed, with the covariance of the two. */
class Axis {
  value: number;
  speed = 0;
  #pp: number;
  #pv = 0;
  #vv: number;

  constructor(value: number, placeDeviation: number, speedDeviation: number) {
    this.value = value;
    this.#pp = placeDeviation ** 2;
    this.#vv = speedDeviation ** 2;
  }

  predict(placeDeviation: number, speedDeviation: number): void {
    this.value += this.speed;
    this.#pp += 2 * this.#pv + this.#vv + placeDeviation ** 2;
    this.#pv += this.#vv;
    this.#vv += speedDeviation ** 2;
  }

  update(found: number, deviation: number): void {
    const total = this.#pp + deviation ** 2;
    const gain = this.#pp / total;
    const speedGain = this.#pv / total;
    const surprise = found - this.value;
    this.value += gain * surprise;
    this.speed += speedGain * surprise;
    this.#vv -= speedGain * this.#pv;
    this.#pv *= 1 - gain;
    this.#pp *= 1 - gain;
  }
}
