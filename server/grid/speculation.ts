import type { Straggler } from '../store/speculation.ts';
import { type Capable, canDo, speedOf } from './needs.ts';

/** Seconds that a second attempt takes to begin. */
const START_SECONDS = 2;
/** A second attempt is made where it should be done in this share of what the first one still needs. */
const GAIN = 0.75;
/** Seconds after which an attempt that has not done a frame is taken for one that will not. */
const SILENT_SECONDS = 10;
/** The same of a node that is not connected: longer than it takes to connect anew. */
const AWAY_SECONDS = 3;

export interface Idle extends Capable {
  id: string;
}

/**
 * Second attempts at what holds up a job: for each, the slowest first, the idle node that should be done
 * soonest, if that is sooner than the node that has it.
 * @param nodeOf whoever works at something, where that is known here.
 */
export function secondAttempts(
  stragglers: readonly Straggler[],
  idle: readonly Idle[],
  nodeOf: (id: string) => Capable | null,
): { task: string; node: string }[] {
  const free = new Set(idle);
  const slowest = stragglers.map((one) => ({ one, left: secondsLeft(one) })).sort((a, b) => b.left - a.left);
  const chosen: { task: string; node: string }[] = [];
  for (const { one, left } of slowest) {
    const [best] = [...free]
      .filter(({ id }) => !one.triedOn.includes(id))
      .filter((node) => canDo(node, one.needs))
      .map((node) => ({ node, seconds: START_SECONDS + secondsOn(node, one, nodeOf(one.node)) }))
      .filter(({ seconds }) => seconds < GAIN * left)
      .sort((a, b) => a.seconds - b.seconds);
    if (!best) continue;
    free.delete(best.node);
    chosen.push({ task: one.task, node: best.node.id });
  }
  return chosen;
}

function secondsLeft({ frames, done, fps, seconds, away }: Straggler): number {
  // Its lease is still its own: where it comes back in time, whoever is done first counts.
  if (away !== null && away > AWAY_SECONDS) return Number.POSITIVE_INFINITY;
  // Of what has no frames nobody can say how far it is.
  if (frames === null) return 0;
  if (fps > 0) return (frames - done) / fps;
  return done === 0 && seconds < SILENT_SECONDS ? 0 : Number.POSITIVE_INFINITY;
}

/** What another node needs for all of it: by what the first one does, and how much faster the other was measured. */
function secondsOn(
  node: Capable,
  { needs, frames, done, seconds }: Straggler,
  first: Capable | null,
): number {
  if (frames === null) return 0;
  const [own, other] = [speedOf(node, needs), first && speedOf(first, needs)];
  const soFar = done / Math.max(1, seconds);
  const rate = own !== null && other ? soFar * (own / other) : (own ?? soFar);
  return rate > 0 ? frames / rate : own ? frames / own : 0;
}
