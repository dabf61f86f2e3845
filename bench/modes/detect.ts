import { join } from 'node:path';
import type { DetectModel } from '../../models/descriptor.ts';
import type { ResolvedModel } from '../../models/store/index.ts';
import type { Rung } from '../../web/pages/bench/rungs/request.ts';
import { type BenchContext, Turns } from '../context.ts';
import { CLIP_FRAMES, hasFfmpeg, makeClip } from '../measure/clips.ts';
import type { EngineRun } from '../measure/engine-run.ts';
import { Ladder } from '../measure/ladder.ts';
import { hasPeer, nativeDetect, type Peer, type PeerDetection, pagePeer } from '../peers/index.ts';
import type { Measure, Section } from '../reporting/report.ts';
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

const MIN_SCORE = 0.3;
const IOU = 0.65;

/** How long the whole is to run, seconds, and the least frames of it. */
const WHOLE_SECONDS = { quick: 3, full: 7 };
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
    const peers =
      mode.depth || codec !== 'h264' ? [] : detectPeers(context, mode.detect!, plain, clip, worthIt, output);
    const all = addPeers(turns, peers, ASKED, null);
    await turns.go();
    const besides = measuredPeers(all);
    const { measures, chart } = ladderMeasures(context, rungs, runs);
    const names = models.map(({ descriptor }) => descriptor.name).join(' + ');
    return {
      id: mode.id,
      title: `${mode.title}: ${names} on every frame, ${width}×${height}`,
      text: [
        `Decode, infer, draw and encode again; ${frames} frames. Scores from ${MIN_SCORE}, NMS at IoU ${IOU}.`,
        ...(mode.depth ? [] : peersNeedH264(codec)),
        ...failedPeers(all),
      ],
      measures: [
        ...measures,
        ...(await copiesMeasures(context, mode, ladder, clip)),
        ...comparison(
          framesOf(events).map(({ detections = [] }) => detections),
          runs,
          besides,
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
  { descriptor, path }: ResolvedModel,
  ladder: Ladder,
  clip: string,
  frames: () => number,
  output: (id: string) => string,
): Peer[] {
  const { width, height, bitrate } = context;
  const model = descriptor as DetectModel;
  const job = { clip, width, height, bitrate, minScore: MIN_SCORE, iou: IOU, model, path };
  return [
    pagePeer(ladder, 'best', context, output('best'), job),
    pagePeer(ladder, 'tutorial', context, output('tutorial'), job),
    ...(hasPeer('onnxruntime-node') && hasFfmpeg()
      ? [nativeDetect({ ...job, frames, output: output('native') })]
      : []),
  ].filter(({ id }) => !context.quick || id === 'best');
}

/** What is asked of us beside the pages of others. */
const ASKED: Record<string, number> = { best: 1.25, tutorial: 2.5 };

/** @param found by us, of the frames that both did. */
function comparison(found: PeerDetection[][], runs: EngineRun[], peers: PeerTurns[]): Measure[] {
  return peers.flatMap(({ id, what, runs: done }): Measure[] => {
    const atLeast = ASKED[id];
    const inPage = done[0]!.fps !== null;
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
      },
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
