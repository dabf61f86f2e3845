import { Random } from './random.ts';
import type { Camera, Light, Vec } from './stage.ts';
import { type FacadeLook, mix, type RoadLook } from './surface.ts';
import type { Flow } from './traffic.ts';

export interface Sky {
  zenith: number;
  horizon: number;
  /** Share of the sky under clouds, and their colour. */
  clouds: number;
  cloud: number;
  seed: number;
}

export interface House {
  side: -1 | 1;
  from: number;
  to: number;
  height: number;
  setback: number;
  wall: number;
  look: FacadeLook;
}

interface Plant {
  x: number;
  z: number;
  height: number;
  seed: number;
  color: number;
}

/** One street in one light, seen by one camera: all that a seed decides. */
export interface Scene {
  seed: number;
  road: RoadLook;
  light: Light;
  sky: Sky;
  /** Share of haze at 100 m. */
  haze: number;
  flows: Flow[];
  houses: House[];
  trees: Plant[];
  /** Lamp posts, metres across and along. */
  lamps: [number, number][];
  /** Horizontal angle of view, radians. */
  fieldOfView: number;
  camera(time: number): Camera;
  /** What the camera's electronics add. */
  sensor: { noise: number; blur: number; gain: number; warmth: number; contrast: number };
}

/** How far the street goes on, metres. */
const END = 260;

export function makeScene(seed: number): Scene {
  const random = new Random(seed, 1);
  const lanes = random.pick([1, 1, 2]);
  const laneWidth = random.between(3.1, 3.6);
  const parking = random.chance(0.45);
  const half = lanes * laneWidth + (parking ? 2.2 : 0.3);
  const waiting = random.chance(0.25);
  const road: RoadLook = {
    seed,
    half,
    sidewalk: random.between(2.4, 4.5),
    laneWidth,
    asphalt: mix(0x4a4b4e, 0x7b7872, random.next()),
    paving: mix(0x8d8a84, 0xa79a88, random.next()),
    verge: random.pick([0x4f6b35, 0x6b7a3f, 0x8a8378]),
    crossing: waiting || random.chance(0.2) ? random.between(12, 30) : null,
  };
  const weather = makeWeather(random, seed);
  return {
    seed,
    road,
    ...weather,
    flows: makeFlows(random, road, { seed, lanes, parking, waiting }),
    houses: makeHouses(random),
    trees: makeTrees(random, road),
    lamps: makeLamps(random, road),
    ...makeCamera(random, road),
    sensor: {
      noise: random.between(1, 6),
      blur: random.between(0, 0.8),
      gain: random.between(0.85, 1.15),
      warmth: random.between(-0.08, 0.08),
      contrast: random.between(0.85, 1.15),
    },
  };
}

function makeWeather(random: Random, seed: number): Pick<Scene, 'light' | 'sky' | 'haze'> {
  const kind = random.pick(['clear', 'clear', 'overcast', 'dusk'] as const);
  const azimuth = random.between(0, Math.PI * 2);
  const elevation = kind === 'dusk' ? random.between(0.1, 0.3) : random.between(0.4, 1.2);
  const direction: Vec = [
    Math.cos(azimuth) * Math.cos(elevation),
    Math.sin(elevation),
    Math.sin(azimuth) * Math.cos(elevation),
  ];
  switch (kind) {
    case 'clear':
      return {
        light: { ambient: random.between(0.55, 0.7), sun: random.between(0.45, 0.7), direction },
        sky: { zenith: 0x3f78c4, horizon: 0xbcd3e6, clouds: random.between(0, 0.6), cloud: 0xf4f4f4, seed },
        haze: random.between(0.02, 0.2),
      };
    case 'overcast':
      return {
        light: { ambient: random.between(0.7, 0.9), sun: 0.08, direction },
        sky: { zenith: 0x9aa3ad, horizon: 0xc9ccd0, clouds: 0.8, cloud: 0xb4b9bf, seed },
        haze: random.between(0.1, 0.4),
      };
    case 'dusk':
      return {
        light: { ambient: random.between(0.38, 0.5), sun: random.between(0.2, 0.4), direction },
        sky: { zenith: 0x2c3f63, horizon: 0xd9a06b, clouds: random.between(0.2, 0.6), cloud: 0x8a7382, seed },
        haze: random.between(0.05, 0.25),
      };
  }
}

function makeFlows(
  random: Random,
  { half, sidewalk, laneWidth, crossing }: RoadLook,
  { seed, lanes, parking, waiting }: { seed: number; lanes: number; parking: boolean; waiting: boolean },
): Flow[] {
  const flows: Flow[] = [];
  const add = (flow: Omit<Flow, 'id' | 'seed' | 'from' | 'to' | 'across'> & Partial<Flow>) =>
    flows.push({ id: flows.length + 1, seed, from: -END, to: END, across: null, ...flow });
  for (const direction of [1, -1] as const) {
    for (let lane = 0; lane < lanes; lane++) {
      add({
        at: direction * (lane + 0.5) * laneWidth,
        direction,
        speed: waiting ? 0 : random.between(5, 13),
        spacing: random.between(17, 34),
        density: random.between(0.3, 0.9),
        kinds: [
          ['car', 6],
          ['van', 2.2],
          ['bus', 1.4],
        ],
        stray: 0.2,
        // Those who go away wait before the crossing, those who come behind it.
        ...(waiting && (direction > 0 ? { to: crossing! - 1 } : { from: crossing! + 4 })),
      });
    }
    if (parking)
      add({
        at: direction * (half - 1.1),
        direction,
        speed: 0,
        spacing: 6.6,
        density: random.between(0.2, 0.8),
        kinds: [
          ['car', 5],
          ['van', 1],
        ],
        stray: 0.1,
        ...(crossing !== null && { from: crossing + 5 }),
      });
    else
      add({
        at: direction * (half - 0.75),
        direction,
        speed: random.between(3, 6),
        spacing: random.between(14, 30),
        density: random.between(0.2, 0.7),
        kinds: [['bicycle', 1]],
        stray: 0.1,
      });
    for (const offset of [0.3, 0.75]) {
      add({
        at: direction * (half + 0.3 + offset * (sidewalk - 0.6)),
        direction: random.pick([1, -1]),
        speed: random.between(0.9, 1.7),
        spacing: random.between(3.5, 12),
        density: random.between(0.25, 0.8),
        kinds: [['person', 1]],
        stray: 0.3,
      });
    }
    add({
      at: direction * (half + 0.45),
      direction,
      speed: 0,
      spacing: random.between(14, 30),
      density: 0.8,
      kinds: [['sign', 1]],
      stray: 0.15,
    });
  }
  if (waiting)
    for (const direction of [1, -1] as const)
      add({
        at: crossing! + 1.6 - direction * 0.8,
        across: half + sidewalk,
        direction,
        speed: random.between(1, 1.6),
        spacing: random.between(2.2, 6),
        density: random.between(0.4, 0.9),
        kinds: [
          ['person', 8],
          ['bicycle', 1],
        ],
        stray: 0.5,
      });
  return flows;
}

const WALLS = [0xb09a83, 0x8c5a46, 0xa8a49c, 0x7d7f85, 0xc2b59b, 0x9c6f55, 0xd2ccc0, 0x6e625a, 0xb7866b];

function makeHouses(random: Random): House[] {
  const houses: House[] = [];
  for (const side of [-1, 1] as const) {
    const open = random.between(0.02, 0.3);
    let z = random.between(-30, -15);
    while (z < END) {
      const width = random.between(8, 26);
      if (!random.chance(open)) {
        const wall = random.pick(WALLS);
        const height = random.between(6, 26);
        houses.push({
          side,
          from: z,
          to: z + width,
          height,
          setback: random.between(0, 1.5),
          wall,
          look: {
            seed: random.below(1 << 30),
            wall,
            pitch: random.between(1.8, 3.6),
            floor: random.between(2.8, 3.6),
            glass: random.between(0.4, 0.75),
            shop: random.chance(0.5),
            height,
          },
        });
      }
      z += width + (random.chance(0.25) ? random.between(2, 8) : 0.02);
    }
  }
  return houses;
}

function makeTrees(random: Random, { half, sidewalk }: RoadLook): Plant[] {
  if (random.chance(0.35)) return [];
  const trees: Plant[] = [];
  for (const side of [-1, 1]) {
    if (random.chance(0.3)) continue;
    const spacing = random.between(9, 22);
    for (let z = random.between(4, 20); z < 160; z += spacing * random.between(0.8, 1.2)) {
      trees.push({
        x: side * (half + (random.chance(0.7) ? 0.6 : sidewalk + 1)),
        z,
        height: random.between(4, 9),
        seed: random.below(1 << 30),
        color: random.pick([0x4d6b2c, 0x3f5a2b, 0x6f7d33, 0x8a6a2d]),
      });
    }
  }
  return trees;
}

function makeLamps(random: Random, { half }: RoadLook): [number, number][] {
  const side = random.pick([-1, 1]);
  const spacing = random.between(18, 32);
  return Array.from({ length: 8 }, (_, i) => [side * (half + 0.35), 8 + i * spacing]);
}

/** High over the road, or at its side where nothing drives. */
function makeCamera(random: Random, { half, sidewalk }: RoadLook): Pick<Scene, 'camera' | 'fieldOfView'> {
  const above = random.chance(0.55);
  const height = above ? random.between(4.2, 7) : random.between(1.5, 3.8);
  const x = above
    ? random.between(-half - 1, half + 1)
    : random.pick([-1, 1]) * (half + random.between(0.4, sidewalk - 0.4));
  const target = above ? random.between(-0.5, 0.5) * half : -Math.sign(x) * random.between(-0.4, 0.6) * half;
  const yaw = Math.atan2(target - x, random.between(18, 45));
  const pitch = Math.atan2(height - 1, random.between(16, 40));
  const roll = random.between(-0.02, 0.02);
  const pan = random.chance(0.4) ? random.between(0.02, 0.12) : 0;
  const period = random.between(6, 14);
  const phase = random.between(0, 6.28);
  const drive = random.chance(0.2) ? random.between(0.3, 1.5) : 0;
  const shake = random.chance(0.5) ? random.between(0.0004, 0.0025) : 0;
  return {
    fieldOfView: random.between(0.9, 1.25),
    camera: (time) => ({
      position: [x, height, drive * time],
      yaw: yaw + pan * Math.sin((time / period) * Math.PI * 2 + phase) + shake * wobble(time, 1.1),
      pitch: pitch + shake * wobble(time, 2.3),
      roll: roll + shake * 0.6 * wobble(time, 4.1),
    }),
  };
}

/** About ±1, and never the same twice. */
const wobble = (time: number, phase: number): number =>
  0.5 * Math.sin(time * 5.1 + phase) +
  0.3 * Math.sin(time * 11.7 + phase * 3) +
  0.2 * Math.sin(time * 23.3 + phase * 7);
