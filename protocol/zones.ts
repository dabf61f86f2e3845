import { z } from 'zod';
import { EdgeRunnerError } from './errors.ts';

const point = z.tuple([z.number(), z.number()]);
const named = {
  name: z.string().min(1).max(64),
  /** Only objects of these classes count; all when absent. */
  classes: z.array(z.string().min(1)).min(1).optional(),
};

/** A place in the picture, in pixels of the displayed source frame, origin top left. */
const zone = z.union([
  /** Objects are inside while the middle of their box's lower edge, where they stand, is. */
  z.strictObject({ ...named, polygon: z.array(point).min(3).max(256) }),
  /** Crossed `forward` from its left to its right side, as seen looking from its first point to its second. */
  z.strictObject({ ...named, line: z.tuple([point, point]) }),
]);

export const zonesSchema = z.array(zone).min(1).max(64);

export type Zone = z.infer<typeof zone>;
export type Point = z.infer<typeof point>;

/**
 * Reads a list of zones from outside; `{"zones": [...]}` and the bare list are both understood.
 * @throws {EdgeRunnerError} `zones-invalid` for what is no list of zones, two of one name, a polygon that crosses
 *   itself or has no area, a line without length.
 */
export function parseZones(value: unknown): Zone[] {
  const list = typeof value === 'object' && value !== null && 'zones' in value ? value.zones : value;
  const parsed = zonesSchema.safeParse(list);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw invalid(`${issue.path.join('.') || 'the list'}: ${issue.message}`);
  }
  const names = new Set<string>();
  for (const entry of parsed.data) {
    const { name } = entry;
    if (names.has(name)) throw invalid(`two zones are called "${name}"`);
    names.add(name);
    if ('line' in entry) {
      const [a, b] = entry.line;
      if (a[0] === b[0] && a[1] === b[1]) throw invalid(`the line "${name}" ends where it begins`);
    } else checkPolygon(name, entry.polygon);
  }
  return parsed.data;
}

/** @throws {EdgeRunnerError} `zones-invalid` when a zone reaches outside a picture of this size. */
export function checkZonesFit(zones: readonly Zone[], width: number, height: number): void {
  for (const entry of zones) {
    const points = 'line' in entry ? entry.line : entry.polygon;
    const outside = points.find(([x, y]) => x < 0 || y < 0 || x > width || y > height);
    if (outside)
      throw new EdgeRunnerError(
        'zones-invalid',
        `The zone "${entry.name}" reaches outside the picture: ${outside.join(', ')} in ${width}×${height}.`,
        'Zones are in pixels of the displayed picture, origin top left; "edge-runner inspect" shows its size.',
      );
  }
}

function checkPolygon(name: string, polygon: readonly Point[]): void {
  const count = polygon.length;
  for (let i = 0; i < count; i++) {
    for (let j = i + 1; j < count; j++) {
      // Neighbours share a corner.
      if (j === i + 1 || (i === 0 && j === count - 1)) continue;
      const [a, b, c, d] = [polygon[i]!, polygon[i + 1]!, polygon[j]!, polygon[(j + 1) % count]!];
      if (segmentsMeet(a, b, c, d)) throw invalid(`the polygon "${name}" crosses itself`);
    }
  }
  const area = polygon.reduce((sum, [x, y], i) => {
    const [nextX, nextY] = polygon[(i + 1) % count]!;
    return sum + x * nextY - nextX * y;
  }, 0);
  if (Math.abs(area) < 1) throw invalid(`the polygon "${name}" has no area`);
}

/** On which side of the way from `a` to `b` a point lies: positive to the right of it, as y grows downwards. */
export const sideOf = ([ax, ay]: Point, [bx, by]: Point, [x, y]: Point): number =>
  (bx - ax) * (y - ay) - (by - ay) * (x - ax);

/** Whether two segments have a point in common. */
export function segmentsMeet(a: Point, b: Point, c: Point, d: Point): boolean {
  const [c1, d1] = [sideOf(a, b, c), sideOf(a, b, d)];
  const [a2, b2] = [sideOf(c, d, a), sideOf(c, d, b)];
  if (c1 === 0 && d1 === 0 && a2 === 0 && b2 === 0) {
    // All on one straight line: they meet when their shadows on either axis do.
    return [0, 1].every(
      (k) =>
        Math.max(Math.min(a[k]!, b[k]!), Math.min(c[k]!, d[k]!)) <=
        Math.min(Math.max(a[k]!, b[k]!), Math.max(c[k]!, d[k]!)),
    );
  }
  return c1 * d1 <= 0 && a2 * b2 <= 0;
}

const invalid = (what: string) =>
  new EdgeRunnerError(
    'zones-invalid',
    `The zones are not valid: ${what}.`,
    'docs/zones.md shows a file that is: polygons and lines with names, corners in pixels.',
  );
