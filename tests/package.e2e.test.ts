import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveStatically } from '../bench/live/static-pages.ts';
import { openBrowser } from './support/pages.ts';

/** The package as a user gets it: packed, then installed into an empty folder. */
describe('the packed package, installed into an empty folder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'edge-runner-pack-'));
  const inFolder = (command: string, args: string[]) =>
    execFileSync(command, args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

  beforeAll(() => {
    // Built before the tests began: building again would pull the pages away under the tests beside this one.
    execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'))!;
    writeFileSync(
      join(folder, 'package.json'),
      JSON.stringify({ name: 'empty', private: true, type: 'module' }),
    );
    inFolder('npm', ['install', '--silent', '--no-audit', '--no-fund', `./${tarball}`]);
  }, 300_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('gives a working `npx edge-runner doctor`', () => {
    const report = JSON.parse(inFolder('npx', ['edge-runner', 'doctor', '--json'])) as {
      capabilities: { secureContext: boolean; encode: Record<string, string> };
    };
    expect(report.capabilities.secureContext).toBe(true);
    expect(Object.values(report.capabilities.encode)).toContain('software');
  });

  it('gives a working `npx edge-runner run`', () => {
    inFolder('npx', ['edge-runner', 'run', 'pattern:320x180@30:30', '-o', 'out.mp4']);
    expect(existsSync(join(folder, 'out.mp4'))).toBe(true);
  });

  it('gives types that a strict TypeScript project accepts', () => {
    writeFileSync(
      join(folder, 'page.ts'),
      `import { createPipeline, LiveProcessor, publishStream, runJob, type EngineHost } from 'edge-runner';
import { nmsCpu } from 'edge-runner/kernels';
import { parseJobSpec } from 'edge-runner/protocol';
import { SERVER_DEFAULTS, startServer } from 'edge-runner/server';
export const start = (host: EngineHost) =>
  runJob(parseJobSpec({}), host, { ortBase: '/ort/', signal: new AbortController().signal });
export const live = async (output: HTMLVideoElement, track: MediaStreamTrack) => {
  const pipeline = await createPipeline({
    source: { kind: 'camera' },
    stages: [{ kind: 'detect', options: { model: 'street-yolo' } }, { kind: 'track' }, { kind: 'overlay' }],
    output,
    onEvent: (event) => event.detections?.map((one) => one.class),
  });
  await publishStream(pipeline.stream, { server: 'https://farm.example', token: '', name: 'studio' });
  const processed: MediaStreamTrack = await new LiveProcessor({ stages: [] }).process(track);
  return processed;
};
export const serve = (log: Parameters<typeof startServer>[1]) =>
  startServer({ ...SERVER_DEFAULTS, data: 'data', modelCache: 'models' }, log);
export const kept: Int32Array = nmsCpu({ count: 0, boxes: new Float32Array(), scores: new Float32Array(), classes: new Int32Array(), anchors: new Int32Array() }, { iou: 0.5, maxCandidates: 1, maxDetections: 1 });
`,
    );
    const tsc = join(import.meta.dirname, '../node_modules/.bin/tsc');
    const flags = [
      '--noEmit',
      '--skipLibCheck',
      '--strict',
      '--target',
      'esnext',
      '--module',
      'esnext',
      '--moduleResolution',
      'bundler',
      '--types',
      '',
    ];
    expect(inFolder(tsc, [...flags, 'page.ts'])).toBe('');
  });

  it('resolves its library entries in Node', () => {
    const print = 'import("edge-runner/protocol").then((m) => console.log(typeof m.parseJobSpec))';
    expect(inFolder(process.execPath, ['-e', print]).trim()).toBe('function');
  });

  it('has its workers in a page that somebody else builds, with all that they load', async () => {
    const page = join(folder, 'page');
    mkdirSync(page);
    writeFileSync(
      join(page, 'index.html'),
      '<video muted playsinline></video><script type="module" src="./main.js"></script>',
    );
    writeFileSync(
      join(page, 'main.js'),
      `import { createPipeline } from 'edge-runner';
await createPipeline({
  source: { kind: 'street' },
  stages: [{ kind: 'detect', options: { model: 'street-yolo' } }, { kind: 'overlay' }],
  output: document.querySelector('video'),
  onEvent: (event) => {
    window.found = event.detections;
  },
});
`,
    );
    await build({
      root: page,
      configFile: false,
      logLevel: 'error',
      build: { target: 'esnext', outDir: 'built' },
    });
    const pages = await serveStatically({
      '/mine/': join(page, 'built'),
      '/assets/': join(page, 'built/assets'),
    });
    const browser = await openBrowser();
    try {
      const shown = await browser.newPage();
      await shown.goto(`${pages.url}/mine/`);
      await shown.waitForFunction(() => (window as { found?: unknown[] }).found !== undefined);
    } finally {
      await browser.close();
      await pages.close();
    }
  });

  it('starts a job server within a program', () => {
    writeFileSync(
      join(folder, 'serve.js'),
      `import { SERVER_DEFAULTS, startServer } from 'edge-runner/server';
import { pino } from 'pino';
const server = await startServer(
  { ...SERVER_DEFAULTS, port: 0, data: 'data', modelCache: 'models' },
  pino({ level: 'silent' }),
);
const { status } = await fetch(server.url + '/readyz');
const page = await fetch(server.url + '/contribute');
await server.close();
console.log(status, page.status);
`,
    );
    expect(inFolder(process.execPath, ['serve.js']).trim()).toBe('200 200');
  });
});
