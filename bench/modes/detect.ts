import { join } from 'node:path';
import type { DepthModel, DetectModel } from '../../models/descriptor.ts';
import type { Rung } from '../../web/pages/bench/rungs/request.ts';
import { type BenchContext, Turns } from '../context.ts';
import { CLIP_FRAMES, hasFfmpeg, makeClip } from '../measure/clips.ts';
import type { EngineRun } from '../measure/engine-run.ts';
import { Ladder } from '../measure/ladder.ts';
import { hasPeer, nativeDetect, type Peer, type PeerDetection, pagePeer } from '../peers/index.ts';
import type { Measure, Section } from '../reporting/report.ts';
import { median, sum } from '../reporting/statistics.ts';
import { framesOf } from '../street/score.ts';
import { agreement } from './agreement.ts';
import { addPeers, failedPeers, measuredPeers, type PeerTurns, peerChart } from './beside.ts';
import { copiesMeasures } from './copies.ts';
import {
  addRungs,
  boundOf,
  extensionOf,
  ladderMeasures,
  type Mode,
  peersNeedH264,
  wholeRun,
} from './mode.ts';

const BEFORE: Rung[] = ['demux', 'decode', 'import', 'letterbox', 'infer'];
const AFTER: Rung[] = ['postprocess', 'draw', 'frame-out', 'encode', 'mux'];

const NETWORKS: Rung[] = ['infer', 'infer-depth'];

const MIN_SCORE = 0.3;
const IOU = 0.65;

/** How long the whole is to run, seconds, and the least frames of it. */
const WHOLE_SECONDS = { quick: 6, full: 7 };
const LEAST_FRAMES = 12;

/** `run --detect`, alone and with `--depth`, beside what the machine allows. */
export async function benchDetect(context: BenchContext): Promise<Section> {
  const { detect } = context;
  if (!detect) throw new Error('no detection model is here');
  return benchStages(context, {
    id: 'detect',
    title: 'Detect',
    rungs: [...BEFORE, ...AFTER],
    args: ['--detect', detect.path, '--min-score', `${MIN_SCORE}`, '--iou', `${IOU}`],
    detect,
    depth: null,
  });
}

export async function benchDetectDepth(context: BenchContext): Promise<Section> {
  const { detect, depth } = context;
  if (!detect || !depth) throw new Error('no detection or depth model is here');
  return benchStages(context, {
    id: 'detect-depth',
    title: 'Detect + depth',
    rungs: [...BEFORE, 'infer-depth', ...AFTER],
    args: ['--detect', detect.path, '--depth', depth.path, '--min-score', `${MIN_SCORE}`, '--iou', `${IOU}`],
    detect,
    depth,
  });
}

async function benchStages(context: BenchContext, mode: Mode): Promise<Section> {
  const { folder, width, height, quick, backend, codec } = context;
  const clip = await makeClip(folder, width, height, CLIP_FRAMES);
  const output = (id: string) => join(folder, `${mode.id}-${id}.${extensionOf(codec)}`);
  const models = [mode.detect, mode.depth].filter((model) => model !== null);
  const ladder = await Ladder.open({ clip, models, backend });
  // Other people's pages do best without the flags that a software adapter wants.
  const plain =
    mode.depth || backend === 'cpu' ? ladder : await Ladder.open({ clip, models, backend: 'cpu' });
  try {
    const turns = new Turns(context);
    const rungs = addRungs(turns, context, mode, ladder);
    const events = join(folder, `${mode.id}.ndjson`);
    const watched = { ...mode, args: [...mode.args, '--events', events] };
    // As many frames as the rungs of the first round say that there is time for.
    const wanted = quick ? WHOLE_SECONDS.quick : WHOLE_SECONDS.full;
    let frames = 0;
    const worthIt = () => {
      frames ||= Math.round(
        Math.max(LEAST_FRAMES, Math.min(CLIP_FRAMES, boundOf(rungs, 0, backend).bound * wanted)),
      );
      return frames;
    };
    const runs = turns.add('whole', () => wholeRun(context, watched, clip, output('ours'), worthIt() / 30));
    const peers = codec === 'h264' ? detectPeers(context, mode, plain, clip, worthIt, output) : [];
    const all = addPeers(turns, peers, EVERY_ROUND, null);
    await turns.go();
    const besides = measuredPeers(all);
    const { measures, chart } = ladderMeasures(context, rungs, runs);
    const names = models.map(({ descriptor }) => descriptor.name).join(' + ');
    return {
      id: mode.id,
      title: `${mode.title}: ${names} on every frame, ${width}×${height}`,
      text: [
        `Decode, infer, draw and encode again; ${frames} frames. Scores from ${MIN_SCORE}, NMS at IoU ${IOU}.`,
        ...(codec === 'h264' ? leftOut() : peersNeedH264(codec)),
        ...failedPeers(all),
      ],
      measures: [
        ...measures,
        ...(await copiesMeasures(context, mode, ladder, clip)),
        ...comparison(
          context,
          framesOf(events).map(({ detections = [] }) => detections),
          runs,
          besides,
          sum(NETWORKS.flatMap((rung) => rungs.get(rung)?.map(({ fps }) => 1000 / fps) ?? [])) / runs.length,
        ),
      ],
      charts: [chart, ...(besides.length > 0 ? [peerChart(runs, besides, [])] : [])],
    };
  } finally {
    if (plain !== ladder) await plain.close();
    await ladder.close();
  }
}

function detectPeers(
  context: BenchContext,
  { detect, depth }: Mode,
  ladder: Ladder,
  clip: string,
  frames: () => number,
  output: (id: string) => string,
): Peer[] {
  const { width, height, bitrate, quick } = context;
  const job = {
    ...{ clip, width, height, bitrate, minScore: MIN_SCORE, iou: IOU, frames },
    ...{ model: detect!.descriptor as DetectModel, path: detect!.path },
    depth: depth && { model: depth.descriptor as DepthModel, path: depth.path },
  };
  // Nobody's page does both.
  const pages = depth
    ? []
    : (['best', 'tutorial'] as const).map((name) => pagePeer(ladder, name, context, output(name), job));
  const native = leftOut().length === 0 ? [nativeDetect({ ...job, output: output('native') })] : [];
  return [...pages, ...native].filter(({ id }) => !quick || id === 'best');
}

/** Who is not here, in words. */
function leftOut(): string[] {
  const missing = [
    ...(hasPeer('onnxruntime-node') ? [] : ['onnxruntime-node']),
    ...(hasFfmpeg() ? [] : ['ffmpeg']),
  ];
  return missing.length > 0
    ? [`Left out: ffmpeg + native onnxruntime (${missing.join(', ')} is not here).`]
    : [];
}

/** What is asked of us beside the pages of others. */
const ASKED: Record<string, number> = { best: 1.25, tutorial: 2.5 };

/** What is measured every round, as we are. */
const EVERY_ROUND = [...Object.keys(ASKED), 'native'];

/** @param found by us, of the frames that both did. @param networkMs of ours alone, a frame. */
function comparison(
  { quick }: BenchContext,
  found: PeerDetection[][],
  runs: EngineRun[],
  peers: PeerTurns[],
  networkMs: number,
): Measure[] {
  return peers.flatMap(({ id, what, runs: done }): Measure[] => {
    const atLeast = quick ? undefined : ASKED[id];
    const inPage = done[0]!.fps !== null;
    const inside = done.flatMap((run) => run.inside ?? []);
    return [
      {
        id: `beside.${id}`,
        what: `${inPage ? 'steady state' : 'whole process'} ÷ ${what}`,
        unit: '×',
        values: done.map(({ fps, wallSeconds, frames }, i) =>
          fps !== null
            ? runs[i]!.steadyFps / fps
            : wallSeconds! / frames / (runs[i]!.wallSeconds / runs[i]!.summary.frames),
        ),
        better: 'higher',
        ...(atLeast !== undefined && { asked: { atLeast } }),
        ...(!inPage && {
          note: `of ${runs[0]!.summary.frames} frames; our start until the first one is ${median(runs.map(({ firstFrameSeconds }) => firstFrameSeconds)).toFixed(1)} s of it`,
        }),
      },
      ...(inside.length > 0
        ? [
            {
              id: `beside.${id}.steady`,
              what: `steady state ÷ ${what}`,
              unit: '×',
              values: inside.map(({ steadyFps }, i) => runs[i]!.steadyFps / steadyFps),
              better: 'higher',
              // Native kernels take the processor's widest instructions, wasm has 128 bits.
              note: `its networks take ${median(inside.map((one) => one.networkMs)).toFixed(1)} ms a frame, ours in wasm with all cores ${networkMs.toFixed(1)} ms`,
            } satisfies Measure,
          ]
        : []),
      {
        id: `agreement.${id}`,
        what: `${what}: share of what either found from score 0.5 that the other found too`,
        unit: '',
        values: done.map((run) => agreement(found, run.found ?? [])),
        better: 'higher',
        asked: { atLeast: 0.9 },
      },
    ];
  });
}
