import { type Actor, halfLength, type StreetClass } from './actors.ts';
import { hash, Random } from './random.ts';

/** A stream of actors that follow each other on one line, all at one speed, so that none runs into another. */
export interface Flow {
  /** Numbers the flows of a scene. */
  id: number;
  seed: number;
  /** Metres across the road; for a flow across the road its place along it. */
  at: number;
  /** Along the road, or across it from −`reach` to `reach`. */
  across: number | null;
  /** +1 away from the camera or to the right, −1 against it. */
  direction: 1 | -1;
  /** m/s; 0 for what is parked, waits or is fixed to the ground. */
  speed: number;
  /** Metres from one place in the stream to the next, and the share of them that is taken. */
  spacing: number;
  density: number;
  /** Who comes, by weight. */
  kinds: readonly (readonly [StreetClass, number])[];
  /** Metres along the road between which the stream is seen; what stands waits before or behind a crossing. */
  from: number;
  to: number;
  /** Metres that single actors stray from the line. */
  stray: number;
}

/** Share of the spacing by which an actor may be early or late. */
const JITTER = 0.3;
/** Places that a flow may have used up before their numbers come again. */
const PLACES = 4096;

/** The actors of a flow at a time in seconds, seen from a camera at `cameraZ`. */
export function actorsOf(flow: Flow, time: number, cameraZ: number): Actor[] {
  const { direction, speed, spacing, across } = flow;
  const moved = speed * time;
  const [least, most] = across === null ? windowOf(flow, cameraZ) : [-across, across];
  // Place k stands at direction · (k · spacing + jitter + moved).
  const ends = [least * direction, most * direction].map((end) => (end - moved) / spacing);
  const actors: Actor[] = [];
  for (let k = Math.floor(Math.min(...ends)) - 1; k <= Math.ceil(Math.max(...ends)) + 1; k++) {
    const seed = hash(flow.seed, flow.id, k);
    const random = new Random(seed);
    if (!random.chance(flow.density)) continue;
    const kind = weighted(flow.kinds, random);
    const along = direction * (k * spacing + random.between(-JITTER, JITTER) * spacing + moved);
    const stray = random.between(-flow.stray, flow.stray) + flow.stray * 0.2 * Math.sin(time * 0.7 + k);
    if (along < least || along > most) continue;
    const length = halfLength[kind];
    if (speed === 0 && across === null && (along - length < flow.from || along + length > flow.to)) continue;
    const turn = kind === 'sign' ? Math.PI + random.between(-0.25, 0.25) : direction > 0 ? 0 : Math.PI;
    actors.push({
      id: flow.id * PLACES + (((k % PLACES) + PLACES) % PLACES),
      class: kind,
      seed,
      x: across === null ? flow.at + stray : along,
      z: across === null ? along : flow.at + stray,
      heading: across === null ? turn : (direction * Math.PI) / 2,
      walked: Math.abs(moved) + random.between(0, 3),
    });
  }
  return actors;
}

/** Metres in front of the camera at which actors are no longer drawn, and behind it. */
const FAR = 120;
const BEHIND = 10;

const windowOf = ({ from, to }: Flow, cameraZ: number): [number, number] => [
  Math.max(from, cameraZ - BEHIND),
  Math.min(to, cameraZ + FAR),
];

function weighted(kinds: Flow['kinds'], random: Random): StreetClass {
  let left = random.next() * kinds.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [kind, weight] of kinds) {
    left -= weight;
    if (left <= 0) return kind;
  }
  return kinds[0]![0];
}
