import { hash } from './random.ts';

/** A hole: what lies behind is seen. */
export const CLEAR = -1;

/**
 * Colour at a point of a face, 0xRRGGBB before light falls on it, or {@link CLEAR}.
 * @param u, v metres along the face, or 0–1 where the surface says so
 * @param distance metres from the camera: fine patterns fade before they flicker
 */
export type Surface = (u: number, v: number, distance: number) => number;

export const rgb = (r: number, g: number, b: number): number => (clamp(r) << 16) | (clamp(g) << 8) | clamp(b);

const clamp = (x: number) => (x < 0 ? 0 : x > 255 ? 255 : x | 0);

/** `share` of `b` in `a`. */
export function mix(a: number, b: number, share: number): number {
  const keep = 1 - share;
  return (
    ((((a >> 16) & 255) * keep + ((b >> 16) & 255) * share) << 16) |
    (((((a >> 8) & 255) * keep + ((b >> 8) & 255) * share) & 255) << 8) |
    (((a & 255) * keep + (b & 255) * share) & 255)
  );
}

/** A colour made lighter or darker. */
export const scaled = (color: number, by: number): number =>
  rgb(((color >> 16) & 255) * by, ((color >> 8) & 255) * by, (color & 255) * by);

export const plain =
  (color: number): Surface =>
  () =>
    color;

/** 0 ≤ x < 1 for a cell of a grid. Asked several times a pixel, so less well mixed than `hash` and quicker. */
function cell(seed: number, x: number, y: number): number {
  let h = (Math.imul(x, 374761393) + Math.imul(y, 668265263) + Math.imul(seed, 974634777)) | 0;
  h = Math.imul(h ^ (h >>> 13), 1274126177);
  return ((h ^ (h >>> 16)) >>> 0) / 4294967296;
}

/** Smooth noise, 0–1, one bump a unit. */
export function noise(seed: number, x: number, y: number): number {
  const xi = Math.floor(x);
  const yi = Math.floor(y);
  const fx = x - xi;
  const fy = y - yi;
  const sx = fx * fx * (3 - 2 * fx);
  const sy = fy * fy * (3 - 2 * fy);
  const top = cell(seed, xi, yi) * (1 - sx) + cell(seed, xi + 1, yi) * sx;
  const low = cell(seed, xi, yi + 1) * (1 - sx) + cell(seed, xi + 1, yi + 1) * sx;
  return top * (1 - sy) + low * sy;
}

/** Grain that is there near by and gone far off. */
const grain = (seed: number, u: number, v: number, distance: number, size: number): number =>
  distance > 60 * size * 10 ? 0.5 : cell(seed, Math.floor(u / size), Math.floor(v / size));

export interface RoadLook {
  seed: number;
  /** Metres from the middle to the kerb, and from the kerb to the houses. */
  half: number;
  sidewalk: number;
  laneWidth: number;
  asphalt: number;
  paving: number;
  verge: number;
  /** Where people cross, metres ahead; null where they do not. */
  crossing: number | null;
}

/** The ground: u across the road from its middle, v along it. */
export function ground(look: RoadLook): Surface {
  const { seed, half, sidewalk, laneWidth, crossing } = look;
  const paint = 0xd8d8d0;
  return (u, v, distance) => {
    const across = Math.abs(u);
    if (across < half) {
      if (crossing !== null && v > crossing && v < crossing + 3.2)
        return Math.floor(u / 0.5) % 2 === 0 ? paint : look.asphalt;
      if (across < 0.08 || half - across < 0.1) return paint;
      const lane = across % laneWidth;
      const line = across > laneWidth / 2 && (lane < 0.07 || laneWidth - lane < 0.07);
      if (line && ((v % 6) + 6) % 6 < 3) return paint;
      return scaled(
        look.asphalt,
        grain(seed, u, v, distance, 0.15) * 0.1 + noise(seed, u * 0.4, v * 0.15) * 0.16 + 0.87,
      );
    }
    if (across < half + 0.18) return scaled(look.paving, 1.2);
    if (across < half + sidewalk) {
      const slab = cell(seed + 1, Math.floor(u / 0.6), Math.floor(v / 0.6));
      const joint = distance < 25 && (((u % 0.6) + 0.6) % 0.6 < 0.03 || ((v % 0.6) + 0.6) % 0.6 < 0.03);
      return scaled(look.paving, (joint ? 0.75 : 0.92) + (distance < 50 ? slab * 0.14 : 0.07));
    }
    return scaled(look.verge, 0.8 + 0.3 * noise(seed + 2, u * 1.5, v * 1.5));
  };
}

export interface FacadeLook {
  seed: number;
  wall: number;
  /** Metres from window to window and from floor to floor. */
  pitch: number;
  floor: number;
  /** Share of a window in its cell. */
  glass: number;
  shop: boolean;
  height: number;
}

/** A house front: u along it, v up. */
export function facade({ seed, wall, pitch, floor, glass, shop, height }: FacadeLook): Surface {
  const margin = (1 - glass) / 2;
  return (u, v, distance) => {
    const stained = scaled(wall, 0.9 + 0.16 * noise(seed, u * 0.5, v * 0.3));
    if (v > height - 0.5) return scaled(wall, 0.7);
    if (shop && v < 3.2) {
      if (v > 2.6) return scaled(hash(seed, Math.floor(u / 6)) & 0xffffff, 0.8);
      const pane = ((u % 6) + 6) % 6;
      if (pane < 0.4 || v < 0.4) return scaled(wall, 0.6);
      return scaled(0x59656e, 0.6 + 0.8 * cell(seed, Math.floor(u / 1.5), 77));
    }
    const column = Math.floor(u / pitch);
    const row = Math.floor(v / floor);
    const fu = u / pitch - column;
    const fv = v / floor - row;
    if (fu < margin || fu > 1 - margin || fv < 0.3 || fv > 0.85) return stained;
    if (distance < 60 && (fu < margin + 0.04 || fu > 1 - margin - 0.04 || Math.abs(fu - 0.5) < 0.02))
      return scaled(wall, 1.25);
    const inside = cell(seed + 5, column, row);
    return inside > 0.85 ? 0xe8d9a0 : scaled(0x6b7c8c, 0.4 + 0.9 * inside);
  };
}

/** Leaves: a round crown with holes; u and v from 0 to 1. */
export function leaves(seed: number, color: number): Surface {
  return (u, v) => {
    const x = u - 0.5;
    const y = v - 0.5;
    const edge = 0.2 + 0.06 * noise(seed, u * 7, v * 7);
    const r2 = x * x + y * y;
    if (r2 > edge || (r2 > 0.1 && noise(seed + 1, u * 12, v * 12) < 0.25)) return CLEAR;
    return scaled(color, 0.55 + 0.5 * noise(seed + 2, u * 10, v * 10) + 0.3 * v);
  };
}

/** A disc; u and v from 0 to 1. */
export const disc =
  (color: number, rim = color, rimShare = 0): Surface =>
  (u, v) => {
    const r = Math.hypot(u - 0.5, v - 0.5) * 2;
    return r > 1 ? CLEAR : r > 1 - rimShare ? rim : color;
  };

/** A tyre with spokes that are mostly air; u and v from 0 to 1. */
export const bicycleWheel: Surface = (u, v, distance) => {
  const r = Math.hypot(u - 0.5, v - 0.5) * 2;
  if (r > 1) return CLEAR;
  if (r > 0.86 || r < 0.1) return 0x1c1c1e;
  const angle = Math.atan2(v - 0.5, u - 0.5);
  return distance < 25 && Math.abs(Math.sin(angle * 6)) < 0.12 ? 0x8d9096 : CLEAR;
};

/** Tubes of a bicycle between its wheels; u along it and v up, 0 to 1. */
export function bicycleFrame(color: number): Surface {
  const tubes = [
    [0.0, 0.1, 0.38, 0.1],
    [0.0, 0.1, 0.3, 0.85],
    [0.38, 0.1, 0.3, 0.95],
    [0.38, 0.1, 0.8, 0.8],
    [0.3, 0.8, 0.8, 0.8],
    [1.0, 0.1, 0.78, 1.0],
    [0.68, 1.0, 0.88, 1.0],
    [0.2, 0.97, 0.4, 0.97],
  ] as const;
  return (u, v) => {
    for (const [x1, y1, x2, y2] of tubes) {
      const dx = x2 - x1;
      const dy = y2 - y1;
      const t = Math.max(0, Math.min(1, ((u - x1) * dx + (v - y1) * dy) / (dx * dx + dy * dy)));
      if (Math.hypot(u - x1 - t * dx, v - y1 - t * dy) < 0.045) return color;
    }
    return CLEAR;
  };
}

/** Panes with posts between them along a side; u in metres, v from 0 to 1. */
export const panes =
  (body: number, glass: number, post: number, from: number, to: number): Surface =>
  (u, v) => {
    if (v < from || v > to) return body;
    const at = ((u % post) + post) % post;
    return at < 0.08 * post ? body : scaled(glass, 0.8 + 0.5 * v);
  };
