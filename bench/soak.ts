import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { SummaryEvent } from '../protocol/index.ts';
import { soakGrid, soakNodes } from './grid/soak.ts';
import { soakLive } from './live/watch.ts';
import { describeMachine } from './machine.ts';
import { hasFfmpeg, makeClip } from './measure/clips.ts';
import { Ladder } from './measure/ladder.ts';
import { ProcessTree } from './measure/process-tree.ts';
import { soakDashboard, soakHiddenTab } from './pages/soak.ts';
import { failedSection, type Report, type Section, verdict } from './reporting/report.ts';
import { prepareFolder, saveReport } from './reporting/save.ts';
import { median } from './reporting/statistics.ts';
import { sectionTable } from './reporting/table.ts';
import { ROOT } from './root.ts';
import { withScratch } from './scratch.ts';

const MODES = {
  transcode: [],
  detect: ['--detect', 'street-yolo', '--track'],
  'detect-depth': [
    '--detect',
    'street-yolo',
    '--track',
    '--depth',
    'street-depth',
    '--layout',
    'side-by-side',
  ],
} as const;
type ModeName = keyof typeof MODES;

/** Pages, and for how many minutes each has to hold. */
const PAGES = { dashboard: 10, 'hidden-tab': 12, overlay: 10, banner: 10 } as const;

/** Modes of the command, servers that are killed in turn, nodes that are, pages that stay open. */
const SOAKS = [...(Object.keys(MODES) as ModeName[]), 'grid', 'nodes', ...pageNames()] as const;
type SoakName = (typeof SOAKS)[number];

function pageNames(): (keyof typeof PAGES)[] {
  return Object.keys(PAGES) as (keyof typeof PAGES)[];
}

const isPage = (name: SoakName): name is keyof typeof PAGES => name in PAGES;

interface Watched {
  /** Seconds since the start, frames, `VideoFrame`s open, MiB of the command and its browser. */
  samples: { seconds: number; frames: number; open: number; mib: number }[];
  summary: SummaryEvent;
}

/** `npm run soak`: every mode for so long and for so many frames; memory must stay flat and no frame may stay open. */
async function main(): Promise<void> {
  const command = new Command('npm run soak --')
    .addOption(new Option('--mode <names...>', 'of them').choices(SOAKS))
    .option('--minutes <n>', 'least length of each', positive, 30)
    .option('--frames <n>', 'least frames of each', positive, 10_000)
    .option('--tasks <n>', 'tasks of the grid', positive, 100_000)
    .option('--rounds <n>', 'jobs whose nodes are killed', positive, 50)
    .option('--report <folder>', 'where the report goes', 'bench/report/soak')
    .parse();
  const { mode = SOAKS, minutes, frames, tasks, rounds, report: where } = command.opts();
  if (!hasFfmpeg()) throw new Error('ffmpeg loops the clip for as long as it takes, and is not here');
  await prepareFolder(resolve(where));
  await withScratch('soak', async (folder) => {
    const began = Date.now();
    const clip = await makeClip(folder, 1280, 720, 1800);
    const report: Report = {
      v: 1,
      name: 'soak',
      made: new Date(began).toISOString(),
      seconds: 0,
      options: { minutes: `${minutes}`, frames: `${frames}`, tasks: `${tasks}`, rounds: `${rounds}` },
      machine: await machineOf(clip),
      sections: [],
    };
    const work = (name: SoakName): Promise<Section> => {
      const say = (words: string) => process.stderr.write(`${name}: ${words}\n`);
      if (name === 'grid') {
        say(`${tasks} tasks`);
        return soakGrid(folder, tasks);
      }
      if (name === 'nodes') {
        say(`${rounds} rounds`);
        return soakNodes(folder, rounds);
      }
      if (isPage(name)) {
        const least = Math.min(minutes, PAGES[name]);
        say(`${least} minutes`);
        if (name === 'overlay' || name === 'banner') return soakLive(name, least * 60);
        return (name === 'dashboard' ? soakDashboard : soakHiddenTab)(folder, least * 60);
      }
      say(`${minutes} minutes and ${frames} frames at least`);
      return soak(clip, folder, name, minutes * 60, frames);
    };
    for (const name of mode as SoakName[]) {
      const section = await work(name).catch((error: unknown) => failedSection(name, error));
      report.sections.push(section);
      report.seconds = Math.round((Date.now() - began) / 1000);
      console.log(sectionTable(section));
      // What was watched for an hour stays, whatever becomes of the rest.
      saveReport(report, resolve(where));
      if (section.measures.length === 0 || section.measures.some((one) => verdict(one) === false))
        process.exitCode = 1;
    }
    console.log(`${join(resolve(where), 'index.html')} shows it.`);
  });
}

/** ffmpeg loops the clip into the command's standard input, without end, and is told to stop when it is enough. */
async function soak(
  clip: string,
  folder: string,
  name: ModeName,
  seconds: number,
  frames: number,
): Promise<Section> {
  const output = join(folder, `${name}.mp4`);
  try {
    return sectionOf(name, await watch(clip, output, MODES[name], seconds, frames));
  } finally {
    rmSync(output, { force: true });
  }
}

async function watch(
  clip: string,
  output: string,
  stages: readonly string[],
  seconds: number,
  frames: number,
): Promise<Watched> {
  const looping = ['-v', 'error', '-stream_loop', '-1', '-i', clip, '-c', 'copy', '-f', 'matroska', '-'];
  const ffmpeg = spawn('ffmpeg', looping, { stdio: ['ignore', 'pipe', 'ignore'] });
  const args = ['run', '-', ...stages, '-o', output, '--bitrate', '1M', '--json'];
  const child = spawn(process.execPath, [join(ROOT, 'bin/edge-runner.mjs'), ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  ffmpeg.stdout.pipe(child.stdin);
  // The command may end first; its own words say why.
  child.stdin.on('error', () => {});
  const tree = new ProcessTree(child.pid!);
  const began = Date.now();
  const watched: Watched['samples'] = [];
  let summary: SummaryEvent | null = null;
  let said = '';
  let rest = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  child.stdout.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop()!;
    for (const line of lines) {
      const message = JSON.parse(line) as { type: string; frames: number; openFrames: number };
      if (message.type === 'summary') summary = message as unknown as SummaryEvent;
      if (message.type !== 'progress') continue;
      const now = (Date.now() - began) / 1000;
      const mib = tree.samples.at(-1)?.memoryMiB ?? 0;
      watched.push({ seconds: now, frames: message.frames, open: message.openFrames, mib });
      if (now >= seconds && message.frames >= frames) ffmpeg.kill('SIGINT');
    }
  });
  const code = await new Promise((end) => child.on('close', end));
  tree.stop();
  ffmpeg.kill('SIGKILL');
  if (code !== 0 || !summary) throw new Error(`the run ended with ${code}\n${said}`);
  return { samples: watched, summary };
}

/** Points of a plot. */
const POINTS = 300;

function sectionOf(name: ModeName, { samples, summary }: Watched): Section {
  // A collection of garbage moves single samples: tenths of the run are compared, each by its median.
  const tenths = Array.from({ length: 10 }, (_, i) => {
    const part = samples.slice(
      Math.floor((i * samples.length) / 10),
      Math.floor(((i + 1) * samples.length) / 10),
    );
    return median(part.map(({ mib }) => mib));
  });
  const [, first, ...later] = tenths as [number, number, ...number[]];
  const drift = Math.max(...later.map((mib) => Math.abs(mib / first - 1)));
  const every = Math.max(1, Math.floor(samples.length / POINTS));
  const shown = samples.filter((_, i) => i % every === 0);
  const last = samples.at(-1)!;
  return {
    id: name,
    title: `${name}: ${last.frames} frames in ${(last.seconds / 60).toFixed(1)} minutes`,
    text: [
      `Memory of the command and its browser by tenths of the run: ${tenths.map((mib) => mib.toFixed(0)).join(' ')} MiB.`,
    ],
    measures: [
      {
        ...{
          id: 'drift',
          what: 'memory: largest difference from the second tenth',
          unit: '%',
          better: 'lower',
        },
        ...{ values: [drift * 100], asked: { atMost: 10 } },
      },
      {
        ...{ id: 'peak', what: 'most frames open at a time', unit: '', better: 'lower' },
        ...{ values: [summary.openFrames.peak], asked: { atMost: 8 } },
      },
      {
        ...{ id: 'left', what: 'frames open at the end', unit: '', better: 'lower' },
        ...{ values: [summary.openFrames.end], asked: { atMost: 0 } },
      },
    ],
    charts: [
      {
        kind: 'lines',
        title: 'Over the run',
        x: { name: 'minutes', values: shown.map(({ seconds }) => seconds / 60) },
        series: [
          { name: 'memory', unit: 'MiB', values: shown.map(({ mib }) => mib) },
          { name: 'open frames', unit: '', values: shown.map(({ open }) => open) },
        ],
      },
    ],
  };
}

function positive(text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('Give a number above 0.');
}

async function machineOf(clip: string) {
  const ladder = await Ladder.open({ clip, models: [], backend: 'auto' });
  try {
    const { version, capabilities } = await ladder.probe();
    return describeMachine(version, capabilities);
  } finally {
    await ladder.close();
  }
}

await main().catch((error: unknown) => {
  process.stderr.write(`edge-runner soak: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
});
