import {
  type Detection,
  type Point,
  segmentsMeet,
  sideOf,
  type Zone,
  type ZoneEvent,
  type ZoneTotals,
} from '../../../protocol/index.ts';

/** Seconds after which somebody who is no longer seen has left. */
const GONE = 1;
/**
 * How far beyond a line, or outside a polygon, as a share of a box's height, its foot must be to have crossed or left:
 * boxes tremble.
 */
const BEYOND = 0.04;

/** px; a box that is cut by the picture's edge stands on it, and so does the zone that reaches as far. */
const ON_THE_EDGE = 0.5;

interface Visit {
  since: number;
  lastSeen: number;
}

/** People counting and occupancy over the tracks of one source, in the order of its frames. */
export class ZoneCounter {
  readonly #zones: (PolygonCounter | LineCounter)[];

  constructor(zones: readonly Zone[]) {
    this.#zones = zones.map((zone) => ('line' in zone ? new LineCounter(zone) : new PolygonCounter(zone)));
  }

  /** What happened on this frame, `time` seconds into the source. Detections without a track are passed over. */
  update(time: number, detections: readonly Detection[]): ZoneEvent[] {
    return this.#zones.flatMap((zone) =>
      zone.update(
        time,
        detections.filter((one) => zone.counts(one)),
      ),
    );
  }

  /** How many are in each polygon now. */
  occupancy(): Record<string, number> {
    return Object.fromEntries(
      this.#zones
        .filter((zone) => zone instanceof PolygonCounter)
        .map((zone) => [zone.name, zone.occupancy] as const),
    );
  }

  totals(): Record<string, ZoneTotals> {
    return Object.fromEntries(this.#zones.map((zone) => [zone.name, zone.totals()] as const));
  }
}

abstract class Counter {
  readonly name: string;
  readonly #classes: ReadonlySet<string> | null;

  constructor({ name, classes }: Zone) {
    this.name = name;
    this.#classes = classes ? new Set(classes) : null;
  }

  counts({ track, class: name }: Detection): boolean {
    return track !== undefined && (this.#classes?.has(name) ?? true);
  }

  abstract update(time: number, detections: readonly Detection[]): ZoneEvent[];
  abstract totals(): ZoneTotals;
}

class PolygonCounter extends Counter {
  readonly #polygon: readonly Point[];
  readonly #inside = new Map<number, Visit>();
  #entries = 0;
  #exits = 0;
  #most = 0;
  #dwelt = 0;

  constructor(zone: Extract<Zone, { polygon: unknown }>) {
    super(zone);
    this.#polygon = zone.polygon;
  }

  get occupancy(): number {
    return this.#inside.size;
  }

  update(time: number, detections: readonly Detection[]): ZoneEvent[] {
    const events: ZoneEvent[] = [];
    for (const detection of detections) {
      const track = detection.track!;
      const visit = this.#inside.get(track);
      const away = distanceTo(this.#polygon, footOf(detection));
      if (away <= (visit ? BEYOND * detection.box[3] : ON_THE_EDGE)) {
        if (visit) visit.lastSeen = time;
        else {
          this.#inside.set(track, { since: time, lastSeen: time });
          this.#entries++;
          events.push({ zone: this.name, event: 'enter', track });
        }
      } else if (visit) events.push(this.#leave(track, visit, time));
    }
    for (const [track, visit] of this.#inside)
      if (time - visit.lastSeen > GONE) events.push(this.#leave(track, visit, visit.lastSeen));
    this.#most = Math.max(this.#most, this.#inside.size);
    return events;
  }

  totals(): ZoneTotals {
    return {
      entries: this.#entries,
      exits: this.#exits,
      mostInside: this.#most,
      meanDwell: this.#exits > 0 ? rounded(this.#dwelt / this.#exits) : null,
    };
  }

  #leave(track: number, { since }: Visit, time: number): ZoneEvent {
    this.#inside.delete(track);
    this.#exits++;
    this.#dwelt += time - since;
    return { zone: this.name, event: 'exit', track, dwell: rounded(time - since) };
  }
}

class LineCounter extends Counter {
  readonly #line: readonly [Point, Point];
  /** Where each track last stood clearly on one side. */
  readonly #stood = new Map<number, { foot: Point; side: number; lastSeen: number }>();
  #forward = 0;
  #backward = 0;

  constructor(zone: Extract<Zone, { line: unknown }>) {
    super(zone);
    this.#line = zone.line;
  }

  update(time: number, detections: readonly Detection[]): ZoneEvent[] {
    const events: ZoneEvent[] = [];
    const [a, b] = this.#line;
    const length = Math.hypot(b[0] - a[0], b[1] - a[1]);
    for (const detection of detections) {
      const track = detection.track!;
      const foot = footOf(detection);
      const distance = sideOf(a, b, foot) / length;
      if (Math.abs(distance) < BEYOND * detection.box[3]) continue;
      const before = this.#stood.get(track);
      const side = Math.sign(distance);
      if (before && before.side !== side && segmentsMeet(a, b, before.foot, foot)) {
        const direction = side > 0 ? 'forward' : 'backward';
        if (side > 0) this.#forward++;
        else this.#backward++;
        events.push({ zone: this.name, event: 'cross', track, direction });
      }
      this.#stood.set(track, { foot, side, lastSeen: time });
    }
    for (const [track, { lastSeen }] of this.#stood) {
      // Longer than a tracker remembers anybody; a longer list than the people around is of no use.
      if (time - lastSeen > 60) this.#stood.delete(track);
    }
    return events;
  }

  totals(): ZoneTotals {
    return { forward: this.#forward, backward: this.#backward };
  }
}

/** Where an object stands: the middle of its box's lower edge. */
const footOf = ({ box: [x, y, width, height] }: Detection): Point => [x + width / 2, y + height];

const rounded = (seconds: number) => Math.round(seconds * 1000) / 1000;

/** How far a point is from a polygon, px; 0 inside. */
export function distanceTo(polygon: readonly Point[], point: Point): number {
  if (contains(polygon, point)) return 0;
  return Math.min(
    ...polygon.map((corner, i) => distanceToSegment(corner, polygon[(i + 1) % polygon.length]!, point)),
  );
}

function distanceToSegment([ax, ay]: Point, [bx, by]: Point, [x, y]: Point): number {
  const [dx, dy] = [bx - ax, by - ay];
  const along = ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1);
  const nearest = Math.min(1, Math.max(0, along));
  return Math.hypot(x - ax - nearest * dx, y - ay - nearest * dy);
}

/** Even-odd rule; points on the edge may count either way. */
function contains(polygon: readonly Point[], [x, y]: Point): boolean {
  let inside = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [ax, ay] = polygon[i]!;
    const [bx, by] = polygon[j]!;
    if (ay > y !== by > y && x < ax + ((bx - ax) * (y - ay)) / (by - ay)) inside = !inside;
  }
  return inside;
}
