import type { Turns } from '../context.ts';
import { videoTrack } from '../measure/clips.ts';
import type { EngineRun } from '../measure/engine-run.ts';
import type { Peer, PeerRun } from '../peers/index.ts';
import type { Chart } from '../reporting/report.ts';
import { median } from '../reporting/statistics.ts';

/** A peer and what it did, one run a round; or why it did not, in words. */
export type PeerTurns = Peer & { runs: PeerRun[]; failed: string | null };

/** Rounds of peers that nothing is asked beside: of two nobody could tell how far they scatter. */
const FEWER_ROUNDS = 1;

/**
 * All peers among the works of a turn. One that fails is left out of the rest: what others cannot do here is no reason
 * to measure nothing.
 * @param everyRound ids of those that are measured as often as we are.
 * @param frames that each of them must make; null where each says itself how many it made.
 */
export const addPeers = (
  turns: Turns,
  peers: Peer[],
  everyRound: readonly string[],
  frames: number | null,
): PeerTurns[] =>
  peers.map((peer) => {
    const turn: PeerTurns = { ...peer, runs: [], failed: null };
    const work = async () => {
      if (turn.failed !== null) return;
      try {
        const run = await peer.run();
        await checkFrames(run, frames ?? run.frames);
        turn.runs.push(run);
      } catch (error) {
        turn.failed = error instanceof Error ? error.message.trim().split('\n')[0]! : `${error}`;
      }
    };
    turns.add(peer.id, work, everyRound.includes(peer.id) ? undefined : FEWER_ROUNDS);
    return turn;
  });

/** A peer that lost frames would be fast for nothing. */
async function checkFrames({ output, frames }: PeerRun, wanted: number): Promise<void> {
  const made = output ? (await videoTrack(output)).frames : frames;
  if (made !== wanted) throw new Error(`it made ${made} frames of ${wanted}`);
}

export const measuredPeers = (peers: PeerTurns[]): PeerTurns[] =>
  peers.filter(({ failed }) => failed === null);

/** A sentence for each that failed. */
export const failedPeers = (peers: PeerTurns[]): string[] =>
  peers.flatMap(({ what, failed }) => (failed === null ? [] : [`Left out: ${what} failed (${failed}).`]));

type Bars = Extract<Chart, { kind: 'bars' }>;

/** Us and what people use instead, the fastest first. @param others bars that stand before theirs. */
export function peerChart(runs: EngineRun[], peers: PeerTurns[], others: Bars['bars']): Bars {
  const whole = runs.map(({ wallSeconds, summary }) => summary.frames / wallSeconds);
  const theirs = peers.map(({ what, runs: done }) => ({
    name: what,
    ours: false,
    values: done.map(({ fps, frames, wallSeconds }) => fps ?? frames / wallSeconds!),
  }));
  return {
    kind: 'bars',
    title: 'Frames a second; processes with their start, pages without',
    unit: 'fps',
    bars: [
      { name: 'edge-runner, steady state', ours: true, values: runs.map(({ steadyFps }) => steadyFps) },
      { name: 'edge-runner, whole process', ours: true, values: whole },
      ...others,
      ...theirs.sort((a, b) => median(b.values) - median(a.values)),
    ],
  };
}
