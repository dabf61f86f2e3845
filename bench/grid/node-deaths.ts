import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Intervals } from '../../server/grid/intervals.ts';
import { QUICK } from '../../server/testing.ts';
import { random } from '../../server/testing-fuzz.ts';
import { frameNumbers } from '../../tests/support/counter.ts';
import { complaintsAbout } from '../../tests/support/ffmpeg.ts';
import { frames as framesOf } from '../../tests/support/ffprobe.ts';
import { CLIP_SIZE, type CutClip, cutJob } from './cut-clip.ts';
import { carryOut, fetchFile, sendClip, type Workplace } from './cut-run.ts';
import { StandIn } from './stand-in.ts';

/** Of the server: a lease that is long beside what the machine itself takes, and short beside a round. */
export const DEATH_INTERVALS: Intervals = { ...QUICK, ttlMs: 6_000, renewMs: 1_000 };
/** Of the clip. */
export const DEATH_SEGMENTS = 36;
const NODES = 4;
const DEATHS = 2;
/** That each of the nodes takes for a segment. */
const SEGMENT_SECONDS = 0.75;

export interface DeathsOptions {
  /** With {@link DEATH_INTERVALS}. */
  server: Workplace;
  clip: CutClip;
  /** For what comes out. */
  folder: string;
  rounds: number;
  /** Of when which node dies. */
  seed: number;
  /** Hears of each round. */
  say?: (line: string) => void;
}

/** What became of a job two of whose four nodes died. */
export interface DeathRound {
  seconds: number;
  /** That the nodes which were left at each time need for all the work. */
  ideal: number;
  /** The most that is asked: that, and two lease times. */
  most: number;
  /** In words, what is wrong with the output; none where nothing is. */
  faults: string[];
}

/** One job after the other, on nodes that are new each time, two of which vanish at moments of chance. */
export async function nodeDeaths({ say = () => {}, ...options }: DeathsOptions): Promise<DeathRound[]> {
  const { server, clip, rounds, seed } = options;
  const next = random(seed);
  const upload = await sendClip(server, clip.bytes);
  const { body } = await server.ask<{ token: string }>('POST', '/v1/tokens', {
    body: { name: 'nodes', scope: 'enrol' },
  });
  const all: DeathRound[] = [];
  for (let i = 1; i <= rounds; i++) {
    // While the work lasts: with all nodes it is done no sooner.
    const least = idealSeconds(clip, []);
    const deaths = Array.from({ length: DEATHS }, () => next() * least).sort((a, b) => a - b);
    const first = Math.floor(next() * NODES);
    const second = (first + 1 + Math.floor(next() * (NODES - 1))) % NODES;
    const round = await oneRound(options, upload, body.token, [
      { node: first, seconds: deaths[0]! },
      { node: second, seconds: deaths[1]! },
    ]);
    const when = deaths.map((seconds) => seconds.toFixed(2)).join(' and ');
    say(
      `round ${i} of ${rounds} (seed ${seed}): nodes died after ${when} s, done after ${round.seconds.toFixed(1)} s of ${round.most.toFixed(1)}${round.faults.map((fault) => `; ${fault}`).join('')}`,
    );
    all.push(round);
  }
  return all;
}

async function oneRound(
  { server, clip, folder }: DeathsOptions,
  upload: string,
  token: string,
  deaths: readonly { node: number; seconds: number }[],
): Promise<DeathRound> {
  const fps = clip.plan.segments[0]!.frames / SEGMENT_SECONDS;
  const nodes = await Promise.all(
    Array.from({ length: NODES }, (_, i) => StandIn.join(server, token, { name: `node-${i}`, clip, fps })),
  );
  const path = join(folder, 'deaths.mp4');
  const timers: NodeJS.Timeout[] = [];
  try {
    const { job, seconds } = await carryOut(server, cutJob(upload), () => {
      for (const { node, seconds: after } of deaths)
        timers.push(setTimeout(() => nodes[node]!.vanish(), 1000 * after));
    });
    writeFileSync(path, await fetchFile(server, job, 'out.mp4'));
    const lines = (await fetchFile(server, job, 'events.ndjson')).toString();
    const ideal = idealSeconds(
      clip,
      deaths.map((death) => death.seconds),
    );
    return {
      ...{ seconds, ideal, most: ideal + (2 * DEATH_INTERVALS.ttlMs) / 1000 },
      faults: [...faultsOfVideo(path, clip), ...faultsOfLines(lines, clip)],
    };
  } finally {
    for (const timer of timers) clearTimeout(timer);
    for (const node of nodes) await node.leave();
    rmSync(path, { force: true });
  }
}

/** The work shared by the nodes that live, without a loss. @param deaths when each of those that die does, in order. */
function idealSeconds({ plan }: CutClip, deaths: readonly number[]): number {
  let left = (plan.frames / plan.segments[0]!.frames) * SEGMENT_SECONDS;
  let [now, alive] = [0, NODES];
  for (const death of deaths) {
    const done = Math.min(left, (death - now) * alive);
    if (done === left) break;
    left -= done;
    now = death;
    alive--;
  }
  return now + left / alive;
}

/** Every frame once, in its place and at its time, as a reader sees it that is not the writer. */
function faultsOfVideo(path: string, { plan: { frames, segments } }: CutClip): string[] {
  const complaints = complaintsAbout(path);
  const times = framesOf(path).map(({ time }) => time);
  const wrongTimes = times.filter((time, i) => Math.abs(time - i / segments[0]!.fps!) > 1e-6).length;
  const numbers = frameNumbers(path, CLIP_SIZE);
  const wrongNumbers = numbers.filter((number, i) => number !== i).length;
  return [
    ...(complaints ? [`a decoder complains: ${complaints.trim().split('\n')[0]}`] : []),
    ...(times.length === frames ? [] : [`${times.length} frames instead of ${frames}`]),
    ...(numbers.length === frames ? [] : [`${numbers.length} pictures instead of ${frames}`]),
    ...(wrongTimes === 0 ? [] : [`${wrongTimes} frames at a wrong time`]),
    ...(wrongNumbers === 0 ? [] : [`${wrongNumbers} frames in a wrong place`]),
  ];
}

/** A line for every frame, in order, and the summary. */
function faultsOfLines(text: string, { plan }: CutClip): string[] {
  const lines = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; frame?: number; frames?: number });
  const frames = lines.filter(({ type }) => type === 'frame');
  const summary = lines.at(-1)!;
  return [
    ...(frames.length === plan.frames && frames.every(({ frame }, i) => frame === i)
      ? []
      : ['the event lines are not those of the frames']),
    ...(summary.type === 'summary' && summary.frames === plan.frames ? [] : ['the summary is wrong']),
  ];
}
