/** A box by its centre and its sides, px: the four numbers that move evenly. */
export type Measurement = readonly [x: number, y: number, width: number, height: number];

/**
 * Standard deviations of place and of speed a frame, as shares of the box's side along the same axis (BoT-SORT, Aharon
 * et al. 2022). ByteTrack's filter follows width ÷ height, and so slowly that a person who turns is drawn too wide for
 * seconds.
 */
const PLACE = 1 / 20;
const SPEED = 1 / 160;

/**
 * A Kalman filter of constant velocity for one box, time counted in frames. Place and speed of each of the four
 * numbers are followed apart from the others: nothing couples them, in the motion or in the noise.
 */
export class BoxFilter {
  readonly #axes: Axis[];

  constructor(first: Measurement) {
    this.#axes = first.map(
      (value, i) => new Axis(value, 2 * PLACE * sideOf(first, i), 10 * SPEED * sideOf(first, i)),
    );
  }

  /** The box as it stands now. */
  get state(): Measurement {
    const [x, y, width, height] = this.#axes.map(({ value }) => value) as [number, number, number, number];
    return [x, y, Math.max(width, 1), Math.max(height, 1)];
  }

  /** How the box moves and grows, px a frame. */
  get velocity(): Measurement {
    return this.#axes.map(({ speed }) => speed) as [number, number, number, number];
  }

  /** One frame on. */
  predict(): void {
    const now = this.state;
    for (const [i, axis] of this.#axes.entries())
      axis.predict(PLACE * sideOf(now, i), SPEED * sideOf(now, i));
  }

  /** Where the box was found. */
  update(found: Measurement): void {
    const now = this.state;
    for (const [i, axis] of this.#axes.entries()) axis.update(found[i]!, PLACE * sideOf(now, i));
  }

  /** Unseen, it no longer grows or shrinks: sizes would run away in few frames. */
  stopGrowing(): void {
    for (const axis of this.#axes.slice(2)) axis.speed = 0;
  }
}

/** The side along which the ith number is measured. */
const sideOf = (box: Measurement, i: number): number => box[i % 2 === 0 ? 2 : 3];

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
