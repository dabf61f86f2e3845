import { join } from 'node:path';
import type { Rung } from '../../web/pages/bench/rungs/request.ts';
import { type BenchContext, Turns } from '../context.ts';
import { CORES } from '../machine.ts';
import { CLIP_FRAMES, hasFfmpeg, makeClip, quality, videoTrack } from '../measure/clips.ts';
import type { EngineRun } from '../measure/engine-run.ts';
import { Ladder, type RungFigures } from '../measure/ladder.ts';
import { ffmpegPeers, hasPeer, napiWebCodecs, type Peer, pagePeer, transcode } from '../peers/index.ts';
import type { Measure, Section } from '../reporting/report.ts';
import { median } from '../reporting/statistics.ts';
import { addPeers, failedPeers, measuredPeers, type PeerTurns, peerChart } from './beside.ts';
import { addRungs, extensionOf, ladderMeasures, type Mode, peersNeedH264, wholeRun } from './mode.ts';

const RUNGS: Rung[] = ['demux', 'decode', 'encode', 'mux'];

const MODE: Mode = {
  id: 'transcode',
  title: 'Transcode',
  rungs: RUNGS,
  args: [],
  detect: null,
  depth: null,
};

const NAPI = '@napi-rs/webcodecs';

/** What is asked of us beside others. */
const ASKED: Record<string, number> = { 'x264-veryfast': 1 };

/** Frames over which pictures are compared: a look at more says nothing new. */
const COMPARED = 150;

/** `run` without stages, beside bare WebCodecs in the same browser and what people use instead. */
export async function benchTranscode(context: BenchContext): Promise<Section> {
  const { folder, width, height, codec, bitrate, seconds, warmUp, quick } = context;
  // The quick one's picture is a quarter as large: as many frames would be over before their pace is steady.
  const frames = quick ? 1.5 * CLIP_FRAMES : CLIP_FRAMES;
  const clip = await makeClip(folder, width, height, frames);
  const ladder = await Ladder.open({ clip, models: [], backend: context.backend });
  try {
    const output = (id: string) => join(folder, `transcoded-${id}.${extensionOf(codec)}`);
    const peers: Peer[] =
      codec === 'h264'
        ? [
            ...ffmpegPeers(clip, bitrate, output),
            pagePeer(ladder, 'conversion', context, output('conversion'), null),
            ...(hasPeer(NAPI) ? [napiWebCodecs(clip, bitrate, output('napi'))] : []),
          ].filter(({ id }) => !quick || id in ASKED)
        : [];
    const turns = new Turns(context);
    const rungs = addRungs(turns, context, MODE, ladder);
    const bare = turns.add('bare', () =>
      ladder.measure({
        ...{ rung: 'bare', backend: context.backend, codec, bitrate, detect: null, depth: null },
        ...{ seconds: 2 * seconds, warmUp },
      }),
    );
    const runs = turns.add('whole', () => wholeRun(context, MODE, clip, output('ours')));
    const all = addPeers(turns, peers, Object.keys(ASKED), frames);
    await turns.go();
    const besides = measuredPeers(all);
    const { measures, chart } = ladderMeasures(context, rungs, runs);
    const beside = await comparison(quick, clip, runs, bare, besides, output('ours'));
    const equal = codec === 'h264' && hasFfmpeg() ? await equalPsnr(context, clip, runs, output) : [];
    return {
      id: MODE.id,
      title: `Transcode: ${width}×${height}, ${codec}, ${(bitrate / 1e6).toFixed(2)} Mbit/s`,
      text: [
        'Whole processes, browser start included, are compared with whole processes, and what runs in a page with the steady state.',
        ...(codec === 'h264' ? leftOut() : peersNeedH264(codec)),
        ...failedPeers(all),
      ],
      measures: [...measures, bareShare(context, measures, bare), ...beside, ...equal],
      charts: [
        chart,
        peerChart(runs, besides, [
          { name: 'bare WebCodecs', ours: false, values: bare.map(({ fps }) => fps) },
        ]),
      ],
    };
  } finally {
    await ladder.close();
  }
}

/** Who is not here, in words. */
function leftOut(): string[] {
  const missing = [...(hasFfmpeg() ? [] : ['ffmpeg']), ...(hasPeer(NAPI) ? [] : [NAPI])];
  return missing.length > 0 ? [`Left out: ${missing.join(', ')} (not here).`] : [];
}

/** Less than this of what the machine allows has to be explained. */
const MUCH = 0.9;

/** What the browser's codecs leave of what the machine allows before anything of ours is between them. */
function bareShare(
  { codec, softwareEncoder }: BenchContext,
  ladder: Measure[],
  bare: RungFigures[],
): Measure {
  const bounds = ladder.find(({ id }) => id === 'bound')!.values;
  const values = bare.map(({ fps }, i) => fps / bounds[i]!);
  const busy = median(bare.map(({ fps, cpuPerFrame }) => (100 * fps * cpuPerFrame) / CORES));
  // Looked into for the browser's own H.264 encoder only.
  const known = codec === 'h264' && softwareEncoder && median(values) < MUCH;
  return {
    ...{ id: 'bare.bound', what: 'bare WebCodecs ÷ what the machine allows', unit: '×', better: 'higher' },
    values,
    note: `cores ${busy.toFixed(0)} % busy${known ? ": the encoder's threads wait for each other, and for the decoder (bench/NOTES.md)" : ''}`,
  };
}

async function comparison(
  quick: boolean,
  clip: string,
  runs: EngineRun[],
  bare: RungFigures[],
  peers: PeerTurns[],
  ours: string,
): Promise<Measure[]> {
  const wall = runs.map(({ wallSeconds }) => wallSeconds);
  const measures: Measure[] = [
    ratio(
      'bare',
      'steady state ÷ bare WebCodecs decode + encode',
      runs.map(({ steadyFps }, i) => steadyFps / bare[i]!.fps),
      quick ? null : 0.95,
    ),
    { id: 'wall', what: 'the whole process', unit: 's', values: wall, better: 'lower' },
    ...(await pictures('ours', 'ours', ours, clip)),
  ];
  for (const { id, what, runs: done } of peers) {
    const inPage = done[0]!.fps !== null;
    measures.push(
      ratio(
        `beside.${id}`,
        `${inPage ? 'steady state' : 'whole process'} ÷ ${what}`,
        done.map(({ fps, wallSeconds }, i) =>
          fps !== null ? runs[i]!.steadyFps / fps : wallSeconds! / runs[i]!.wallSeconds,
        ),
        // Of a clip as short as the quick one the browser's start would be most of it.
        quick ? null : (ASKED[id] ?? null),
      ),
      ...(await pictures(id, what, done.at(-1)!.output!, clip)),
    );
  }
  return measures;
}

function ratio(id: string, what: string, values: number[], atLeast: number | null): Measure {
  return { id, what, unit: '×', values, better: 'higher', ...(atLeast !== null && { asked: { atLeast } }) };
}

async function pictures(id: string, what: string, output: string, clip: string): Promise<Measure[]> {
  if (!hasFfmpeg()) return [];
  const { psnr, ssim } = await quality(output, clip, COMPARED);
  const figure = (name: string, said: string, unit: string, value: number, better: Measure['better']) => ({
    ...{ id: `${name}.${id}`, what: `${what}: ${said}`, unit, values: [value], better },
  });
  return [
    figure('psnr', 'PSNR', 'dB', psnr, 'higher'),
    figure('ssim', 'SSIM', '', ssim, 'higher'),
    figure('bitrate', 'bitrate of its file', 'Mbit/s', (await videoTrack(output)).bitrate / 1e6, null),
  ];
}

/** x264 veryfast at the bitrate at which its pictures are as good as ours: its bits, and its time. */
async function equalPsnr(
  { folder, quick, bitrate, say }: BenchContext,
  clip: string,
  runs: EngineRun[],
  output: (id: string) => string,
): Promise<Measure[]> {
  if (quick) return [];
  say('x264 veryfast at equal PSNR');
  const target = (await quality(output('ours'), clip, COMPARED)).psnr;
  const veryfast = ['-c:v', 'libx264', '-preset', 'veryfast'];
  const tried: { log: number; psnr: number }[] = [];
  for (const share of [1, 0.5, 0.25]) {
    const path = join(folder, `equal-${share}.mp4`);
    await transcode(clip, path, [...veryfast, '-b:v', `${bitrate * share}`, '-frames:v', `${COMPARED}`]);
    tried.push({ log: Math.log(bitrate * share), psnr: (await quality(path, clip, COMPARED)).psnr });
  }
  const [a, b] = tried[1]!.psnr > target ? [tried[1]!, tried[2]!] : [tried[0]!, tried[1]!];
  const equal = Math.exp(b.log + ((a.log - b.log) * (target - b.psnr)) / (a.psnr - b.psnr));
  const path = output('equal');
  const seconds = await transcode(clip, path, [...veryfast, '-b:v', `${Math.round(equal)}`]);
  const { psnr } = await quality(path, clip, COMPARED);
  return [
    {
      id: 'beside.equal-psnr',
      what: 'whole process ÷ ffmpeg, x264 veryfast at equal PSNR',
      unit: '×',
      values: [seconds / median(runs.map(({ wallSeconds }) => wallSeconds))],
      better: null,
      note: `${(equal / 1e6).toFixed(2)} Mbit/s for ${psnr.toFixed(2)} dB, ours ${(bitrate / 1e6).toFixed(2)} Mbit/s for ${target.toFixed(2)} dB`,
    },
  ];
}
