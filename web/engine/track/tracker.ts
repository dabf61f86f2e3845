import type { Detection } from '../../../protocol/index.ts';
import { assign } from './assign.ts';
import { type Box, overlap, toBox, toMeasurement } from './boxes.ts';
import { BoxFilter, type Measurement } from './kalman.ts';

/** Scores from which a detection may start a track, and from which it is matched first (ByteTrack). */
const START = 0.6;
const SURE = 0.6;
/** Least overlap (IoU) for a pair: with sure detections, with unsure ones, with tracks seen only once. */
const OVERLAP = { sure: 0.1, unsure: 0.5, young: 0.25 };
/** Overlap with what is followed already from which a detection is a second look at it, and no object of its own. */
const DOUBLE = { sameClass: 0.4, otherClass: 0.6 };
/** Seconds after which a track that was not seen is given up. */
const PATIENCE = 1;

interface Track {
  id: number;
  classId: number;
  className: string;
  filter: BoxFilter;
  /** As it was last found, and where the filter had it then. */
  found: Measurement;
  was: Measurement;
  score: number;
  /** Times it was found. */
  hits: number;
  /** Whether it was found when somebody last looked. */
  seen: boolean;
  /** Frames since it was found. */
  unseen: number;
}

/**
 * Follows objects from frame to frame: ByteTrack's two rounds of matching (Zhang et al. 2022), sure detections first,
 * then those that hiding or blur made unsure, each against where a Kalman filter expects the tracks. Tracks are of one
 * class. A track has an identity from the second time that it is found.
 */
export class Tracker {
  readonly #patience: number;
  #tracks: Track[] = [];
  #nextId = 1;
  /** What was found last, each with the track that it belongs to. */
  #found: { detection: Detection; track: Track | null }[] = [];

  /** @param fps frames a second of the source, for how long a track is remembered. */
  constructor(fps: number) {
    this.#patience = Math.max(1, Math.round(PATIENCE * fps));
  }

  /** Takes the detections of the next frame; returns them with their `track`, where they have one. */
  update(detections: Detection[]): Detection[] {
    for (const track of this.#tracks) {
      if (!track.seen) track.filter.stopGrowing();
      track.filter.predict();
      track.unseen++;
    }
    const before = new Set(this.#tracks.filter(({ seen }) => seen));
    for (const track of this.#tracks) track.seen = false;
    const sure = detections.filter(({ score }) => score >= SURE);
    const unsure = detections.filter(({ score }) => score < SURE);
    const known = this.#tracks.filter(({ hits }) => hits > 1);
    const young = this.#tracks.filter(({ hits }) => hits === 1);
    const of = new Map<Detection, Track>();
    const first = this.#match(known, sure, OVERLAP.sure, of);
    // One that was lost before this frame is not found again by something unsure.
    this.#match(
      first.tracks.filter((track) => before.has(track)),
      unsure,
      OVERLAP.unsure,
      of,
    );
    const second = this.#match(young, first.detections, OVERLAP.young, of);
    for (const detection of second.detections) {
      if (detection.score < START || isDouble(detection, of.keys())) continue;
      of.set(detection, this.#start(detection));
    }
    // A track found once and not again was none.
    this.#tracks = this.#tracks.filter(
      ({ seen, unseen, hits }) => seen || (hits > 1 && unseen <= this.#patience),
    );
    this.#found = detections.map((detection) => ({ detection, track: of.get(detection) ?? null }));
    return this.#found.map(({ detection, track }) => numbered(detection, track));
  }

  /** A frame that nobody looked at: what was found when somebody last did moves on as it did. */
  coast(): Detection[] {
    for (const track of this.#tracks) {
      track.filter.predict();
      track.unseen++;
    }
    return this.#tracks
      .filter(({ seen }) => seen)
      .map((track) => ({
        class: track.className,
        id: track.classId,
        score: track.score,
        box: movedOn(track),
        ...(track.hits > 1 && { track: track.id }),
      }));
  }

  /**
   * What was found last, as it will be so many frames later: what is followed moves on, the rest stays. Changes nothing,
   * so that it may be asked for any frame until the next `update`, which may be of a frame before those.
   */
  ahead(frames: number): Detection[] {
    return this.#found.map(({ detection, track }) => {
      if (!track) return detection;
      const [dx, dy, dw, dh] = track.filter.velocity;
      const [x, y, width, height] = track.found;
      const box = toBox([
        x + frames * dx,
        y + frames * dy,
        Math.max(1, width + frames * dw),
        Math.max(1, height + frames * dh),
      ]);
      return numbered({ ...detection, box }, track);
    });
  }

  #match(
    tracks: Track[],
    detections: Detection[],
    least: number,
    of: Map<Detection, Track>,
  ): { tracks: Track[]; detections: Detection[] } {
    const cost = tracks.map((track) => {
      const expected = toBox(track.filter.state);
      return detections.map(({ id, box, score }) =>
        // The surer of two that overlap alike.
        id === track.classId ? 1 - overlap(expected, box) * (0.8 + 0.2 * score) : 2,
      );
    });
    const { pairs, rows, columns } = assign(cost, detections.length, 1 - least * 0.9);
    for (const [row, column] of pairs) {
      const track = tracks[row]!;
      const detection = detections[column]!;
      track.found = toMeasurement(detection.box);
      track.filter.update(track.found);
      track.was = track.filter.state;
      track.score = detection.score;
      track.hits++;
      track.seen = true;
      track.unseen = 0;
      of.set(detection, track);
    }
    return {
      tracks: rows.map((row) => tracks[row]!),
      detections: columns.map((column) => detections[column]!),
    };
  }

  #start({ class: className, id: classId, box, score }: Detection): Track {
    const found = toMeasurement(box);
    const filter = new BoxFilter(found);
    const seen = { found, was: found, score, hits: 1, seen: true, unseen: 0 };
    const track = { id: this.#nextId++, classId, className, filter, ...seen };
    this.#tracks.push(track);
    return track;
  }
}

/** A track has an identity from the second time that it is found. */
const numbered = (detection: Detection, track: Track | null): Detection =>
  track && track.hits > 1 ? { ...detection, track: track.id } : detection;

function isDouble({ id, box }: Detection, followed: Iterable<Detection>): boolean {
  for (const other of followed)
    if (overlap(box, other.box) >= (other.id === id ? DOUBLE.sameClass : DOUBLE.otherClass)) return true;
  return false;
}

/** Where it was found, moved since as the filter moved: the filter's own place lags behind what is found. */
function movedOn({ found, was, filter }: Track): Box {
  const now = filter.state;
  const at = (i: 0 | 1 | 2 | 3) => found[i] + now[i] - was[i];
  return toBox([at(0), at(1), Math.max(at(2), 1), Math.max(at(3), 1)]);
}
