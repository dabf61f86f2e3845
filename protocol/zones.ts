import { z } from 'zod';
import { EdgeRunnerError } from './errors.ts';

const point = z.tuple([z.number(), z.number()], 'a corner is [x, y], two numbers');
const named = {
  name: z.string('a text').min(1, 'may not be empty').max(64, 'at most 64 characters'),
  /** Only objects of these classes count; all when absent. */
  classes: z.array(z.string().min(1), 'a list of names').min(1, 'one name or more').optional(),
};

/** Objects are inside while the middle of their box's lower edge, where they stand, is. */
const polygonZone = z.strictObject({
  ...named,
  polygon: z
    .array(point, 'a list of corners')
    .min(3, 'three corners or more')
    .max(256, 'at most 256 corners'),
});

/** Crossed `forward` from its left to its right side, as seen looking from its first point to its second. */
const lineZone = z.strictObject({ ...named, line: z.tuple([point, point], 'two points') });

/** A place in the picture, in pixels of the displayed source frame, origin top left. */
const zone = z.union([polygonZone, lineZone]);

const MOST_ZONES = 64;

export const zonesSchema = z.array(zone).min(1).max(MOST_ZONES);

export type Zone = z.infer<typeof zone>;
export type Point = z.infer<typeof point>;

/**
 * Reads a list of zones from outside; `{"zones": [...]}` and the bare list are both understood.
 * @throws {EdgeRunnerError} `zones-invalid` for what is no list of zones, two of one name, a polygon that crosses
 *   itself or has no area, a line without length.
 */
export function parseZones(value: unknown): Zone[] {
  const list = typeof value === 'object' && value !== null && 'zones' in value ? value.zones : value;
  if (!Array.isArray(list) || list.length === 0 || list.length > MOST_ZONES)
    throw invalid(`the list: 1 to ${MOST_ZONES} zones`);
  const zones = list.map((entry: unknown, i) => parseZone(entry, i + 1));
  const names = new Set<string>();
  for (const entry of zones) {
    const { name } = entry;
    if (names.has(name)) throw invalid(`two zones are called "${name}"`);
    names.add(name);
    if ('line' in entry) {
      const [a, b] = entry.line;
      if (a[0] === b[0] && a[1] === b[1]) throw invalid(`the line "${name}" ends where it begins`);
    } else checkPolygon(name, entry.polygon);
  }
  return zones;
}

/** By what it has, so that what is wrong can be said of that. @param number counted from 1 */
function parseZone(entry: unknown, number: number): Zone {
  const which = `zone ${number}`;
  if (typeof entry !== 'object' || entry === null) throw invalid(`${which} is no object`);
  if ('polygon' in entry === 'line' in entry)
    throw invalid(`${which} wants a polygon or a line${'line' in entry ? ', not both' : ''}`);
  const parsed = ('line' in entry ? lineZone : polygonZone).safeParse(entry);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw invalid(`${which}${path.length > 0 ? `, ${path.join('.')}` : ''}: ${message}`);
  }
  const { data } = parsed;
  if ('line' in data) return data;
  // GeoJSON's rings end with the corner that they begin with.
  const [first, last] = [data.polygon[0]!, data.polygon.at(-1)!];
  const closed = data.polygon.length > 3 && first[0] === last[0] && first[1] === last[1];
  return closed ? { ...data, polygon: data.polygon.slice(0, -1) } : data;
}

/** @throws {EdgeRunnerError} `zones-invalid` when a zone counts what is not looked for. @param detected names of classes */
export function checkZoneClasses(zones: readonly Zone[], detected: readonly string[]): void {
  for (const { name, classes = [] } of zones) {
    const unknown = classes.find((one) => !detected.includes(one));
    if (unknown === undefined) continue;
    throw new EdgeRunnerError(
      'zones-invalid',
      `The zone "${name}" counts "${unknown}", which is not looked for.`,
      `It can count: ${detected.join(', ')}.`,
    );
  }
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
