import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { askOf } from '../../server/testing-node.ts';
import type { BenchContext } from '../context.ts';
import { videoTrack } from '../measure/clips.ts';
import type { Measure, Section } from '../reporting/report.ts';
import { sum } from '../reporting/statistics.ts';
import { type CutClip, cutJob, makeCutClip } from './cut-clip.ts';
import { carryOut, fetchFile, sendClip, type Workplace } from './cut-run.ts';
import { ServerProcess } from './server-process.ts';
import { StandIn } from './stand-in.ts';

const SEGMENTS = { usual: 120, quick: 24 };
const COUNTS = [1, 2, 4, 8];
/** Seconds that each of the equal nodes takes for a segment: less than a real one, of ten seconds of video. */
const EQUAL_SECONDS = 1;
/** How fast each of the unequal nodes is, times the slowest, and what that one takes for a segment. */
const UNEQUAL = { speeds: [1, 2, 3, 4, 5, 6, 7, 8], slowestSeconds: 8 };

/** One job on more and more nodes, and on unequal ones: what of their time the grid takes for itself. */
export async function benchNodes({ folder, quick, say }: BenchContext): Promise<Section> {
  const segments = quick ? SEGMENTS.quick : SEGMENTS.usual;
  const clip = await makeCutClip(folder, segments);
  const server = await ServerProcess.start({ data: join(folder, 'nodes') });
  try {
    const ask = askOf(server.url, server.admin!);
    const place: Workplace = { url: server.url, admin: server.admin!, ask };
    const upload = await sendClip(place, clip.bytes);
    const time = (fps: number[]) => timeOf(place, clip, upload, fps, folder);
    const equal: number[] = [];
    for (const count of COUNTS) {
      say(`${count === 1 ? 'a node' : `${count} nodes`}, ${segments} segments`);
      equal.push(await time(Array(count).fill(fpsOf(clip, EQUAL_SECONDS))));
    }
    say(`${UNEQUAL.speeds.length} unequal nodes, ${segments} segments`);
    const slowest = fpsOf(clip, UNEQUAL.slowestSeconds);
    const unequal = await time(UNEQUAL.speeds.map((speed) => speed * slowest));
    const ideal = clip.plan.frames / (slowest * sum(UNEQUAL.speeds));
    return section(segments, equal, unequal, ideal, quick);
  } finally {
    await server.end('SIGTERM');
  }
}

/** Of a node that takes so long for a segment. */
const fpsOf = ({ plan }: CutClip, seconds: number): number => plan.segments[0]!.frames / seconds;

/** @returns seconds from submitting the job to its end, on nodes of these speeds. */
async function timeOf(
  place: Workplace,
  clip: CutClip,
  upload: string,
  speeds: readonly number[],
  folder: string,
): Promise<number> {
  const { body } = await place.ask<{ token: string }>('POST', '/v1/tokens', {
    body: { name: 'nodes', scope: 'enrol' },
  });
  const joining = speeds.map((fps, i) => StandIn.join(place, body.token, { name: `node-${i}`, clip, fps }));
  const nodes = await Promise.all(joining);
  try {
    const { job, seconds } = await carryOut(place, cutJob(upload));
    const path = join(folder, 'nodes.mp4');
    writeFileSync(path, await fetchFile(place, job, 'out.mp4'));
    const { frames } = await videoTrack(path);
    if (frames !== clip.plan.frames) throw new Error(`the job made ${frames} frames of ${clip.plan.frames}`);
    return seconds;
  } finally {
    for (const node of nodes) await node.leave();
  }
}

function section(
  segments: number,
  equal: readonly number[],
  unequal: number,
  ideal: number,
  quick: boolean,
): Section {
  const [one] = equal as [number];
  const most = COUNTS.at(-1)!;
  const asked = (what: NonNullable<Measure['asked']>) => (quick ? {} : { asked: what });
  const { speeds, slowestSeconds } = UNEQUAL;
  return {
    id: 'nodes',
    title: `One video on many nodes: ${segments} segments`,
    text: [
      'From the sending of the job to its end, the look at the source and the stitching included. The engines of the nodes are clocks, and all else is real: sockets, messages, leases, source, files. Server and nodes share this machine.',
      `Equal nodes take ${EQUAL_SECONDS} s for a segment. Unequal ones are ${speeds[0]} to ${speeds.at(-1)} times as fast as the slowest, which takes ${slowestSeconds} s; ideal is all the work ÷ all their speed.`,
    ],
    measures: [
      ...equal.map(
        (seconds, i): Measure => ({
          ...{ id: `time.${COUNTS[i]}`, what: COUNTS[i] === 1 ? '1 node' : `${COUNTS[i]} nodes` },
          ...{ unit: 's', values: [seconds], better: 'lower' },
        }),
      ),
      {
        ...{ id: 'speed-up', what: `1 node ÷ ${most} nodes`, unit: '×', better: 'higher' },
        values: [one / equal.at(-1)!],
        ...asked({ atLeast: 6.5 }),
      },
      {
        ...{ id: 'unequal', what: `${speeds.length} unequal nodes ÷ ideal`, unit: '×', better: 'lower' },
        values: [unequal / ideal],
        ...asked({ atMost: 1.15 }),
        note: `${unequal.toFixed(1)} s, ideal ${ideal.toFixed(1)} s`,
      },
    ],
    charts: [
      {
        kind: 'lines',
        title: 'Over the number of equal nodes',
        x: { name: 'nodes', values: COUNTS },
        series: [
          { name: 'time', unit: 's', values: [...equal] },
          { name: 'speed-up', unit: '×', values: equal.map((seconds) => one / seconds) },
        ],
      },
    ],
  };
}
