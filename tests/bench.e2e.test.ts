import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { BenchContext } from '../bench/context.ts';
import { makeClip, videoTrack } from '../bench/measure/clips.ts';
import { Ladder } from '../bench/measure/ladder.ts';
import { agreement } from '../bench/modes/agreement.ts';
import { modelIfHere } from '../bench/options.ts';
import { type PeerRun, pagePeer } from '../bench/peers/index.ts';
import type { Report } from '../bench/reporting/report.ts';
import type { DetectModel } from '../models/descriptor.ts';
import { ROOT } from './support/command.ts';
import { Workspace } from './support/workspace.ts';

const workspace = Workspace.use();

/** As `npm run bench` runs it once all is set up: small, for a look at whether it measures, not at what. */
const bench = (...args: string[]) =>
  spawnSync(process.execPath, [join(ROOT, 'dist/node/bench.js'), '--quick', ...args], { encoding: 'utf8' });

it('the bench measures every rung and the whole, and writes a report that it can compare with', () => {
  const folder = workspace.at('report');
  const sections = ['detect', 'streams', '--size', '320x180', '--model', 'street-yolo', '--streams', '1'];
  const { status, stdout, stderr } = bench(...sections, '--report', folder);
  expect(status, stderr).toBe(0);
  const report = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as Report;
  expect(report.sections.map(({ id }) => id)).toEqual(['detect', 'streams']);
  const figures = new Map(report.sections.flatMap(({ measures }) => measures.map((one) => [one.id, one])));
  const rungs = ['demux', 'decode', 'import', 'letterbox', 'infer', 'postprocess', 'draw', 'frame-out'];
  for (const rung of [...rungs, 'encode', 'mux']) {
    const { values } = figures.get(`rung.${rung}`)!;
    expect(values, rung).toHaveLength(1);
    for (const fps of values) expect(fps, rung).toBeGreaterThan(1);
  }
  // Not what the efficiency is, which other tests on this machine disturb, but that it is what it says it is.
  const [bound, whole] = [figures.get('bound')!.values, figures.get('whole')!.values];
  const slowest = (round: number) =>
    Math.min(...[...rungs, 'encode', 'mux'].map((rung) => figures.get(`rung.${rung}`)!.values[round]!));
  for (const [round, value] of figures.get('efficiency')!.values.entries()) {
    expect(value).toBeCloseTo(whole[round]! / bound[round]!, 9);
    expect(bound[round]).toBeCloseTo(Math.min(slowest(round), figures.get('bound.cores')!.values[round]!), 9);
  }
  // The page of other people found what we found.
  expect(figures.get('agreement.best')!.values[0]).toBeGreaterThanOrEqual(0.9);
  expect(figures.get('1.p50')!.values[0]).toBeGreaterThan(0);
  expect(stdout).toContain('efficiency');
  expect(readFileSync(join(folder, 'index.html'), 'utf8')).toContain('street-yolo');

  const again = bench('kernels', '--report', workspace.at('again'), '--compare', join(folder, 'report.json'));
  expect(again.stdout).toContain('the runs differ in');
}, 300_000);

it('the bench refuses what it does not know, with a word', () => {
  const { status, stderr } = bench('speed');
  expect(status).not.toBe(0);
  expect(stderr).toContain('there is no section "speed"');
  expect(bench('--size', '321x180').stderr).toContain('even pixels');
});

it('the bench refuses a report that it cannot compare with or write, before it measures anything', () => {
  const damaged = workspace.at('damaged.json');
  for (const text of ['{', '[]', '{"v":1,"machine":{},"sections":[{}],"options":{}}']) {
    writeFileSync(damaged, text);
    const { status, stderr } = bench('kernels', '--compare', damaged, '--report', workspace.at('unused'));
    expect(status).toBe(1);
    expect(stderr).toContain('is no report of the bench');
  }
  for (const folder of [join(damaged, 'below'), ...(process.platform === 'linux' ? ['/proc/xx/yy'] : [])]) {
    const { status, stderr, stdout } = bench('kernels', '--report', folder);
    expect(status).toBe(1);
    expect(stderr).toContain('no report can be written');
    expect(stdout).toBe('');
  }
});

it('a script that is told to end ends what it runs, and says how', async () => {
  const inner = 'console.log(process.pid); setInterval(() => {}, 1e6)';
  const outer = `import { become } from './scripts/setup.mjs'; become(['-e', ${JSON.stringify(inner)}], process.env)`;
  const script = spawn(process.execPath, ['--input-type=module', '-e', outer], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(script, 'close');
  const [pid] = (await once(script.stdout.setEncoding('utf8'), 'data')) as [string];
  script.kill('SIGTERM');
  expect(await ended).toEqual([143, null]);
  expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH');
});

it('nothing is left of a bench that is told to end', async () => {
  const folder = workspace.at('scratch');
  // Short: a browser's sockets lie in it.
  const temporary = mkdtempSync('/tmp/er-');
  onTestFinished(() => rmSync(temporary, { recursive: true, force: true }));
  mkdirSync(folder);
  const args = [
    'detect',
    '--quick',
    '--size',
    '320x180',
    '--model',
    'street-yolo',
    '--report',
    workspace.at('none'),
  ];
  const child = spawn(process.execPath, [join(ROOT, 'dist/node/bench.js'), ...args], {
    env: { ...process.env, EDGE_RUNNER_BENCH_DIR: folder, TMPDIR: temporary },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(child, 'close');
  await new Promise<void>((resolve) => {
    child.stderr.on('data', (said) => String(said).includes('round 1 of 1: decode') && resolve());
  });
  expect(readdirSync(folder)).toHaveLength(1);
  child.kill('SIGINT');
  expect(await ended).toEqual([130, null]);
  expect(readdirSync(folder)).toEqual([]);
  expect(readdirSync(temporary)).toEqual([]);
});

it('the page as tutorials write it does the same work as the page as well as it can be written', async () => {
  const model = (await modelIfHere('street-yolo'))!;
  const clip = await makeClip(workspace.path, 320, 180, 90);
  const ladder = await Ladder.open({ clip, models: [model], backend: 'cpu' });
  try {
    const job = { model: model.descriptor as DetectModel, minScore: 0.3, iou: 0.65 };
    const settings = { seconds: 0.2, modelWarmUp: 0.2, bitrate: 400_000 } as BenchContext;
    const done = new Map<string, PeerRun>();
    for (const name of ['best', 'tutorial'] as const) {
      const run = await pagePeer(ladder, name, settings, workspace.at(`${name}.mp4`), job).run();
      expect((await videoTrack(run.output!)).frames, name).toBe(run.frames);
      expect(run.fps, name).toBeGreaterThan(0);
      done.set(name, run);
    }
    const [best, tutorial] = [done.get('best')!.found!, done.get('tutorial')!.found!];
    const both = Math.min(best.length, tutorial.length);
    expect(best.flat().length).toBeGreaterThan(0);
    expect(agreement(best.slice(0, both), tutorial.slice(0, both))).toBeGreaterThanOrEqual(0.9);
  } finally {
    await ladder.close();
  }
});
