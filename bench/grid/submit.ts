import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { askOf } from '../../server/testing-node.ts';
import { makeClip, videoTrack } from '../measure/clips.ts';
import type { Measure, Section } from '../reporting/report.ts';
import { ROOT } from '../root.ts';
import { ServerProcess } from './server-process.ts';

const ROUNDS = 3;
/** Two minutes: twelve segments. */
const FRAMES = 3600;
/** What starting on a job may cost, seconds. */
const START = 3;

/** What is done in turn: `run`, and the same through a server, in one piece and in segments of ten seconds. */
const WORKS = {
  run: [],
  whole: ['--segment', 'whole'],
  submit: [],
} as const;
type WorkName = keyof typeof WORKS;
/** Of them each is done as a transcode and as a detection. */
const MODES = {
  transcode: ['--bitrate', '2M'],
  detect: ['--detect', 'street-yolo', '--backend', 'cpu'],
} as const;
type ModeName = keyof typeof MODES;

/** A job through a server and one headless node on this machine, beside `run` of the same clip, in turn. */
export async function benchSubmit(folder: string, say: (line: string) => void): Promise<Section> {
  const clip = await makeClip(folder, 960, 540, FRAMES);
  const server = await ServerProcess.start({ data: join(folder, 'submit') });
  const env = {
    ...process.env,
    XDG_CONFIG_HOME: join(folder, 'config'),
    EDGE_RUNNER_TOKEN: server.admin!,
  };
  const { body } = await askOf(server.url, server.admin!)<{ token: string }>('POST', '/v1/tokens', {
    body: { name: 'nodes', scope: 'enrol' },
  });
  writeFileSync(join(folder, 'enrol'), body.token, { mode: 0o600 });
  const node = start(['join', server.url, '--token-file', join(folder, 'enrol'), '--name', 'node'], env);
  try {
    await new Promise<void>((connected, failed) => {
      let said = '';
      node.stderr.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes('connected as')) connected();
      });
      node.once('close', () => failed(new Error(`the node ended: ${said}`)));
    });
    const times = Object.fromEntries(
      Object.keys(MODES).map((mode) => [mode, { run: [], whole: [], submit: [] }]),
    ) as unknown as Record<ModeName, Record<WorkName, number[]>>;
    for (let round = 1; round <= ROUNDS; round++) {
      for (const mode of Object.keys(MODES) as ModeName[]) {
        for (const name of Object.keys(WORKS) as WorkName[]) {
          say(`round ${round} of ${ROUNDS}: ${mode}, ${name}`);
          const output = join(folder, `${name}.mp4`);
          const command = name === 'run' ? ['run'] : ['submit', server.url];
          const began = performance.now();
          await finished(start([...command, clip, ...MODES[mode], ...WORKS[name], '-o', output], env));
          times[mode][name].push((performance.now() - began) / 1000);
          const { frames } = await videoTrack(output);
          if (frames !== FRAMES) throw new Error(`${name} made ${frames} frames of ${FRAMES}`);
        }
      }
    }
    return {
      id: 'submit',
      title: `A job through a server and one node on this machine: ${FRAMES} frames of 960×540`,
      text: [
        'Whole commands, from the start of the process to its end: upload, work, download. In one piece, and in segments of ten seconds that are worked at one after the other and joined: what cutting costs where it gains nothing.',
      ],
      measures: (Object.keys(MODES) as ModeName[]).flatMap((mode) => measuresOf(mode, times[mode])),
      charts: [],
    };
  } finally {
    node.kill('SIGTERM');
    if (node.exitCode === null) await once(node, 'close');
    await server.end('SIGTERM');
  }
}

function measuresOf(mode: ModeName, { run, whole, submit }: Record<WorkName, number[]>): Measure[] {
  const seconds = (id: string, what: string, values: number[]): Measure => ({
    ...{ id: `${mode}.${id}`, what: `${mode}: ${what}`, unit: 's', values, better: 'lower' },
  });
  const ratio = (id: string, what: string, values: number[], atMost: number): Measure => ({
    ...{
      id: `${mode}.${id}`,
      what: `${mode}: ${what}`,
      unit: '×',
      values,
      better: 'lower',
      asked: { atMost },
    },
  });
  return [
    seconds('run', 'run', run),
    seconds('whole', 'submit, in one piece', whole),
    seconds('submit', 'submit, in segments', submit),
    ratio(
      'ratio',
      `(submit − ${START} s) ÷ run`,
      submit.map((s, i) => (s - START) / run[i]!),
      1.15,
    ),
    ratio(
      'split',
      'in segments ÷ in one piece',
      submit.map((s, i) => s / whole[i]!),
      1.1,
    ),
  ];
}

function start(args: string[], env: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, [join(ROOT, 'bin/edge-runner.mjs'), ...args], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const end = () => child.kill();
  process.once('exit', end);
  child.once('close', () => process.off('exit', end));
  return child;
}

async function finished(child: ReturnType<typeof start>): Promise<void> {
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaints += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`a command ended with ${code}: ${complaints}`);
}
