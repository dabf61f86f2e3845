import { type Stage, UNIT, type Vec } from './stage.ts';
import { disc, plain, type Surface } from './surface.ts';

/** One level of a solid in its own coordinates: metres to its right and ahead of its middle, and above the ground. */
export interface Level {
  y: number;
  left: number;
  right: number;
  back: number;
  front: number;
}

export interface SolidLook {
  side: Surface;
  front?: Surface;
  back?: Surface;
  top?: Surface;
}

/** Builds an object standing on the ground at `x`, `z`, heading along the road (0) or turned to the right of it. */
export class Builder {
  readonly #stage: Stage;
  readonly #object: number;
  readonly #x: number;
  readonly #z: number;
  readonly #cos: number;
  readonly #sin: number;

  constructor(stage: Stage, object: number, x: number, z: number, heading = 0) {
    this.#stage = stage;
    this.#object = object;
    this.#x = x;
    this.#z = z;
    this.#cos = Math.cos(heading);
    this.#sin = Math.sin(heading);
  }

  at(right: number, y: number, ahead: number): Vec {
    return [
      this.#x + right * this.#cos + ahead * this.#sin,
      y,
      this.#z - right * this.#sin + ahead * this.#cos,
    ];
  }

  /** A solid between two levels, straight or tapering. u runs along each face in metres, v up it from 0 to 1. */
  solid(low: Level, high: Level, { side, front = side, back = side, top = side }: SolidLook): void {
    const p = (level: Level, x: 'left' | 'right', z: 'back' | 'front') =>
      this.at(level[x], level.y, level[z]);
    const wide = low.right - low.left;
    const long = low.front - low.back;
    const face = (points: Vec[], length: number, surface: Surface) =>
      this.#stage.polygon(points, along(length), surface, this.#object);
    face(
      [
        p(low, 'right', 'front'),
        p(low, 'left', 'front'),
        p(high, 'left', 'front'),
        p(high, 'right', 'front'),
      ],
      wide,
      front,
    );
    face(
      [p(low, 'left', 'back'), p(low, 'right', 'back'), p(high, 'right', 'back'), p(high, 'left', 'back')],
      wide,
      back,
    );
    face(
      [
        p(low, 'right', 'back'),
        p(low, 'right', 'front'),
        p(high, 'right', 'front'),
        p(high, 'right', 'back'),
      ],
      long,
      side,
    );
    // Mirrored, so that u grows towards the front on both sides.
    this.#stage.polygon(
      [p(low, 'left', 'front'), p(low, 'left', 'back'), p(high, 'left', 'back'), p(high, 'left', 'front')],
      [
        [long, 0],
        [0, 0],
        [0, 1],
        [long, 1],
      ],
      side,
      this.#object,
    );
    face(
      [
        p(high, 'left', 'back'),
        p(high, 'right', 'back'),
        p(high, 'right', 'front'),
        p(high, 'left', 'front'),
      ],
      wide,
      top,
    );
  }

  box(level: Level, height: number, look: SolidLook): void {
    this.solid(level, { ...level, y: level.y + height }, look);
  }

  /** An upright panel across the heading, seen from ahead (1) or from behind (−1). */
  panel(
    right: number,
    y: number,
    ahead: number,
    width: number,
    height: number,
    facing: 1 | -1,
    surface: Surface,
    glow?: number,
  ): void {
    const w = (width / 2) * facing;
    this.#stage.polygon(
      [
        this.at(right + w, y - height / 2, ahead),
        this.at(right - w, y - height / 2, ahead),
        this.at(right - w, y + height / 2, ahead),
        this.at(right + w, y + height / 2, ahead),
      ],
      UNIT,
      surface,
      this.#object,
      glow === undefined ? {} : { glow },
    );
  }

  /** An upright panel along the heading, seen from both sides. */
  sheet(right: number, y: number, ahead: number, length: number, height: number, surface: Surface): void {
    const l = length / 2;
    const h = height / 2;
    this.#stage.polygon(
      [
        this.at(right, y - h, ahead - l),
        this.at(right, y - h, ahead + l),
        this.at(right, y + h, ahead + l),
        this.at(right, y + h, ahead - l),
      ],
      UNIT,
      surface,
      this.#object,
      { twoSided: true },
    );
  }

  /** Something round that looks the same from everywhere. */
  ball(right: number, y: number, ahead: number, width: number, height: number, surface: Surface): void {
    this.#stage.billboard(this.at(right, y, ahead), width, height, surface, this.#object);
  }

  wheel(right: number, ahead: number, radius: number): void {
    this.sheet(right, radius, ahead, radius * 2, radius * 2, disc(0x8f9296, 0x18181a, 0.42));
  }

  /** What it darkens of the ground. */
  shadow(halfWidth: number, back: number, front: number): void {
    const corners = [
      [-halfWidth, back],
      [halfWidth, back],
      [halfWidth, front],
      [-halfWidth, front],
    ] as const;
    this.#stage.polygon(
      corners.map(([right, ahead]) => this.at(right, 0.015, ahead)),
      UNIT,
      plain(0),
      0,
      { shadow: true },
    );
  }
}

const along = (length: number) =>
  [
    [0, 0],
    [length, 0],
    [length, 1],
    [0, 1],
  ] as const;

/** A level `width` wide and from `back` to `front`, in the middle. */
export const level = (y: number, width: number, back: number, front: number): Level => ({
  y,
  left: -width / 2,
  right: width / 2,
  back,
  front,
});
