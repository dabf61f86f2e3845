import { Random } from './random.ts';
import { Builder, level } from './solid.ts';
import type { Stage } from './stage.ts';
import { bicycleFrame, bicycleWheel, disc, panes, plain, type Surface, scaled } from './surface.ts';

/** What can be found in the street, in the order of the class numbers. */
export const STREET_CLASSES = ['person', 'bicycle', 'car', 'van', 'bus', 'sign'] as const;
export type StreetClass = (typeof STREET_CLASSES)[number];

/** Something that is to be found: where it stands, and what it looks like by `seed` alone. */
export interface Actor {
  /** Stays the same over a whole clip. */
  id: number;
  class: StreetClass;
  seed: number;
  /** Metres across and along the road. */
  x: number;
  z: number;
  /** Radians from the direction of the road, to the right. */
  heading: number;
  /** Metres moved since it came: drives legs and wheels. */
  walked: number;
}

/** Puts an actor on the stage as object number `object`. */
export function build(actor: Actor, stage: Stage, object: number): void {
  BUILDERS[actor.class](
    new Builder(stage, object, actor.x, actor.z, actor.heading),
    new Random(actor.seed, 17),
    actor,
  );
}

/** Metres ahead of and behind its middle, for keeping distance. */
export const halfLength: Record<StreetClass, number> = {
  person: 0.4,
  bicycle: 1,
  car: 2.4,
  van: 3,
  bus: 6,
  sign: 0.3,
};

type Build = (b: Builder, random: Random, actor: Actor) => void;

const GLASS = 0x2b3640;
const PAINTS = [
  0xd9d9d6, 0xf2f2f0, 0x1d1f22, 0x3a3d42, 0x84888c, 0xa7abad, 0xb3221f, 0x7a1517, 0x1f3f7f, 0x2f6db3,
  0x225c3a, 0xd2a52a, 0xc8641c, 0x6b4a2f, 0x5d7f8f,
];

function car(b: Builder, random: Random): void {
  const length = random.between(3.8, 4.8);
  const width = random.between(1.68, 1.86);
  const height = random.pick([1.42, 1.46, 1.5, 1.64]);
  const paint = random.pick(PAINTS);
  const back = -length / 2;
  const front = length / 2;
  const waist = height * 0.6;
  const estate = random.chance(0.5);
  b.shadow(width / 2 + 0.1, back - 0.1, front + 0.1);
  const dark = plain(0x1b1b1d);
  b.box(level(0.18, width - 0.1, back + 0.05, front - 0.05), 0.14, { side: dark });
  b.solid(level(0.3, width, back, front), level(waist, width - 0.06, back + 0.05, front - 0.12), {
    side: (u) => (Math.abs(u - length * 0.5) < 0.015 ? scaled(paint, 0.5) : paint),
    front: (u, v) => (v > 0.25 && v < 0.6 && Math.abs(u - width / 2) < width * 0.28 ? 0x202224 : paint),
    back: (u, v) => (v > 0.35 && v < 0.65 && Math.abs(u - width / 2) < 0.26 ? 0xdedccb : paint),
    top: plain(paint),
  });
  b.solid(
    level(waist, width - 0.08, estate ? back + 0.08 : back + length * 0.18, front - length * 0.24),
    level(height, width - 0.36, estate ? back + 0.4 : back + length * 0.32, front - length * 0.42),
    {
      side: panes(paint, GLASS, length * 0.28, 0.12, 0.88),
      front: (_u, v) => (v > 0.9 ? paint : GLASS),
      back: (_u, v) => (v > 0.9 ? paint : scaled(GLASS, 0.9)),
      top: plain(paint),
    },
  );
  lamps(b, random, width, waist * 0.8, back, front);
  for (const side of [-1, 1])
    for (const axle of [back + length * 0.19, front - length * 0.19])
      b.wheel(side * (width / 2 + 0.01), axle, 0.31);
}

function lamps(b: Builder, random: Random, width: number, y: number, back: number, front: number): void {
  const lit = random.chance(0.4) ? 1.2 : undefined;
  for (const side of [-1, 1]) {
    b.panel(side * (width / 2 - 0.22), y, front + 0.01, 0.34, 0.16, 1, plain(0xf4f4e6), lit);
    b.panel(side * (width / 2 - 0.18), y, back - 0.01, 0.3, 0.18, -1, plain(0xc01a14), lit);
  }
}

function van(b: Builder, random: Random): void {
  const length = random.between(4.9, 6);
  const width = random.between(1.9, 2.05);
  const height = random.between(2.15, 2.65);
  const paint = random.chance(0.55) ? random.pick([0xe9e9e6, 0xf4f4f2, 0xd4d6d6]) : random.pick(PAINTS);
  const back = -length / 2;
  const front = length / 2;
  const stripe = random.chance(0.35) ? random.pick(PAINTS) : paint;
  b.shadow(width / 2 + 0.1, back - 0.1, front + 0.1);
  b.box(level(0.22, width - 0.1, back + 0.05, front - 0.05), 0.16, { side: plain(0x1b1b1d) });
  const body: Surface = (u, v) => {
    if (v > 0.5 && v < 0.82 && u > length - 2.1 && u < length - 1.05) return GLASS;
    return v > 0.3 && v < 0.42 ? stripe : paint;
  };
  b.solid(level(0.35, width, back, front - 0.9), level(height, width - 0.1, back, front - 1.5), {
    side: body,
    front: (u, v) => (v > 0.42 && v < 0.9 && u > 0.1 && u < width - 0.1 ? GLASS : paint),
    back: (u, v) =>
      v > 0.55 && v < 0.85 && u > 0.2 && u < width - 0.2 && Math.abs(u - width / 2) > 0.06
        ? scaled(GLASS, 0.9)
        : paint,
    top: plain(paint),
  });
  b.solid(level(0.35, width, front - 0.9, front), level(1.12, width - 0.1, front - 1, front - 0.2), {
    side: plain(paint),
    front: (_u, v) => (v > 0.2 && v < 0.55 ? 0x222426 : paint),
    top: plain(paint),
  });
  lamps(b, random, width, 0.8, back, front);
  for (const side of [-1, 1])
    for (const axle of [back + length * 0.2, front - length * 0.17])
      b.wheel(side * (width / 2 + 0.01), axle, 0.36);
}

function bus(b: Builder, random: Random): void {
  const length = random.between(9.5, 12);
  const width = 2.5;
  const height = random.between(2.95, 3.2);
  const paint = random.pick([0xc7281f, 0x1f5fae, 0xe3b11c, 0x2c7a45, 0xe8e6df, 0xd76a1e, 0x5a2c7c]);
  const skirt = random.chance(0.5) ? paint : random.pick([0xe8e6df, 0x3a3d42]);
  const back = -length / 2;
  const front = length / 2;
  b.shadow(width / 2 + 0.15, back - 0.15, front + 0.15);
  const window = panes(paint, GLASS, 1.45, 0.44, 0.84);
  b.box(level(0.28, width, back, front), height - 0.28, {
    side: (u, v, distance) => (v < 0.22 ? skirt : window(u, v, distance)),
    front: (u, v) => {
      if (v > 0.86) return Math.abs(u - width / 2) < 0.8 ? 0xf0a020 : paint;
      return v > 0.34 && v < 0.84 && u > 0.08 && u < width - 0.08 ? GLASS : paint;
    },
    back: (u, v) => (v > 0.55 && v < 0.85 && u > 0.3 && u < width - 0.3 ? GLASS : v < 0.3 ? 0x26282a : paint),
    top: plain(scaled(paint, 0.9)),
  });
  lamps(b, random, width, 0.75, back, front);
  for (const side of [-1, 1])
    for (const axle of [back + 2.9, front - 2.5]) b.wheel(side * (width / 2 + 0.01), axle, 0.48);
}

const SKINS = [0xf0c9a4, 0xd9a57b, 0xb27a52, 0x8a5a3c, 0x5e3c28];
const CLOTHES = [
  0x22252b, 0x3b4a63, 0x7d2430, 0x2f5d50, 0xb9a27d, 0xd8d5cc, 0xc14b2a, 0x556b2f, 0x7b6f9c, 0xe0b43c,
  0x4b4f55, 0x8fb3c9,
];
const HAIR = [0x1a1512, 0x3b2a1c, 0x6b4a2b, 0xb08d57, 0x9a9a98];

const head = (skin: number, hair: number): Surface => {
  const round = disc(skin);
  return (u, v, distance) => {
    const color = round(u, v, distance);
    return color >= 0 && v > 0.58 ? hair : color;
  };
};

function person(b: Builder, random: Random, { walked }: Actor): void {
  const h = random.chance(0.12) ? random.between(1.15, 1.4) : random.between(1.55, 1.92);
  const wide = h * random.between(0.24, 0.3);
  const coat = plain(random.pick(CLOTHES));
  const trousers = plain(random.pick(CLOTHES));
  const skirtLength = random.chance(0.2) ? random.between(0.1, 0.2) * h : 0;
  const skin = random.pick(SKINS);
  const hip = h * 0.48;
  const shoulder = h * 0.83;
  const swing = Math.sin((walked / (h * 0.45)) * Math.PI + random.between(0, 6)) * h * 0.15;
  b.shadow(wide * 0.6, -0.25, 0.25);
  for (const side of [-1, 1]) {
    const step = side * swing;
    const leg = wide * 0.2;
    const x = side * wide * 0.22;
    b.solid(
      { y: 0, left: x - leg, right: x + leg, back: step - leg, front: step + leg * 1.3 },
      { y: hip, left: x - leg, right: x + leg, back: -leg, front: leg },
      { side: trousers },
    );
    const arm = side * wide * 0.56;
    b.solid(
      { y: hip * 0.95, left: arm - 0.05, right: arm + 0.05, back: -step - 0.06, front: -step + 0.06 },
      { y: shoulder, left: arm - 0.06, right: arm + 0.06, back: -0.06, front: 0.06 },
      { side: coat, top: coat },
    );
  }
  b.solid(
    level(hip - skirtLength, wide * 0.95, -wide * 0.3, wide * 0.3),
    level(shoulder, wide, -wide * 0.28, wide * 0.28),
    {
      side: coat,
    },
  );
  if (random.chance(0.25))
    b.box(
      { y: hip, left: -wide * 0.35, right: wide * 0.35, back: -wide * 0.65, front: -wide * 0.28 },
      h * 0.28,
      {
        side: plain(random.pick(CLOTHES)),
      },
    );
  b.box(level(shoulder, wide * 0.3, -0.05, 0.05), h * 0.05, { side: plain(skin) });
  b.ball(0, h * 0.925, 0, h * 0.125, h * 0.155, head(skin, random.pick(HAIR)));
}

function bicycle(b: Builder, random: Random, { walked }: Actor): void {
  const frame = random.pick(PAINTS);
  const coat = plain(random.pick(CLOTHES));
  const trousers = plain(random.pick(CLOTHES));
  const skin = random.pick(SKINS);
  const helmet = random.chance(0.5) ? random.pick(PAINTS) : random.pick(HAIR);
  const h = random.between(1.6, 1.85);
  b.shadow(0.25, -0.9, 0.9);
  for (const ahead of [-0.53, 0.53]) {
    b.sheet(0, 0.34, ahead, 0.68, 0.68, bicycleWheel);
    // Edge on a wheel still is as wide as its tyre.
    b.box(level(0.02, 0.05, ahead - 0.02, ahead + 0.02), 0.64, { side: plain(0x1c1c1e) });
  }
  b.sheet(0, 0.62, 0, 1.06, 0.72, bicycleFrame(frame));
  b.box(level(0.98, 0.56, 0.4, 0.46), 0.05, { side: plain(0x2a2a2c) });
  const hip = 0.95;
  const shoulder = hip + h * 0.32;
  for (const side of [-1, 1]) {
    const turn = (walked / 2.2) * Math.PI * 2 + (side > 0 ? Math.PI : 0);
    const x = side * 0.11;
    const foot = { y: 0.3 + 0.16 * Math.cos(turn), z: 0.08 + 0.16 * Math.sin(turn) };
    b.solid(
      { y: foot.y, left: x - 0.06, right: x + 0.06, back: foot.z - 0.07, front: foot.z + 0.14 },
      { y: hip, left: x - 0.08, right: x + 0.08, back: -0.32, front: -0.1 },
      { side: trousers },
    );
    b.solid(
      { y: 1.02, left: side * 0.24 - 0.05, right: side * 0.24 + 0.05, back: 0.32, front: 0.44 },
      { y: shoulder, left: side * 0.2 - 0.05, right: side * 0.2 + 0.05, back: 0.02, front: 0.14 },
      { side: coat },
    );
  }
  b.solid(level(hip, 0.36, -0.34, -0.08), level(shoulder, 0.44, -0.06, 0.18), { side: coat });
  b.ball(0, shoulder + h * 0.11, 0.16, h * 0.13, h * 0.16, head(skin, helmet));
}

function sign(b: Builder, random: Random): void {
  const height = random.between(2, 2.7);
  const size = random.between(0.6, 0.9);
  b.panel(0, height, 0.06, size, size, 1, random.pick(PLATES)(random));
}

const inTriangle = (u: number, v: number, shrink: number): boolean =>
  v > 0.06 + shrink && Math.abs(u - 0.5) < (0.96 - v - shrink * 1.6) * 0.55;

const PLATES: ((random: Random) => Surface)[] = [
  // No entry, limits.
  (random) => {
    const inner = random.pick([0xf2f2ee, 0xf2f2ee, 0xc4161c]);
    const bar = random.chance(0.7);
    return (u, v) => {
      const r = Math.hypot(u - 0.5, v - 0.5) * 2;
      if (r > 1) return -1;
      if (r > 0.78) return 0xc4161c;
      if (!bar || Math.abs(v - 0.5) > 0.11 || Math.abs(u - 0.5) > 0.26) return inner;
      return inner === 0xf2f2ee ? 0x1a1a1a : 0xf2f2ee;
    };
  },
  // Warnings.
  () => (u, v) => {
    if (!inTriangle(u, v, 0)) return -1;
    if (!inTriangle(u, v, 0.12)) return 0xc4161c;
    return Math.abs(u - 0.5) < 0.05 && v < 0.62 ? 0x1a1a1a : 0xf2f2ee;
  },
  // Orders.
  (random) => {
    const slope = random.between(-1, 1);
    return (u, v) => {
      if (Math.hypot(u - 0.5, v - 0.5) > 0.5) return -1;
      return Math.abs(u - 0.5 - slope * (v - 0.5) * 0.5) < 0.08 && Math.abs(v - 0.5) < 0.3
        ? 0xf2f2ee
        : 0x1656a8;
    };
  },
  // Stop.
  () => (u, v) => {
    const x = Math.abs(u - 0.5);
    const y = Math.abs(v - 0.5);
    if (x + y > 0.7) return -1;
    if (x > 0.45 || y > 0.45 || x + y > 0.64) return 0xf2f2ee;
    return y < 0.12 && x < 0.34 && Math.floor(u * 16) % 2 === 0 ? 0xf2f2ee : 0xb4121a;
  },
];

const BUILDERS: Record<StreetClass, Build> = { person, bicycle, car, van, bus, sign };
