import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import puppeteer from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT, run } from './support/command.ts';

/** A command of the package that goes on until it is ended, and what it says. */
class Background {
  readonly child: ChildProcess;
  readonly said: string[] = [];
  readonly ended: Promise<number | null>;
  readonly #hear = new Set<() => void>();

  constructor(args: string[], env: NodeJS.ProcessEnv) {
    this.child = spawn(process.execPath, [join(ROOT, 'bin/edge-runner.mjs'), ...args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.ended = once(this.child, 'close').then(([code]) => code as number | null);
    for (const stream of [this.child.stdout!, this.child.stderr!])
      createInterface({ input: stream }).on('line', (line) => {
        this.said.push(line);
        for (const hear of this.#hear) hear();
      });
  }

  /** The first line that fits, said or yet to be said. */
  async line(pattern: RegExp): Promise<RegExpExecArray> {
    const find = () => this.said.map((line) => pattern.exec(line)).find((found) => found !== null);
    const found = find();
    if (found) return found;
    return new Promise((resolve, reject) => {
      const hear = () => {
        const heard = find();
        if (!heard) return;
        this.#hear.delete(hear);
        resolve(heard);
      };
      this.#hear.add(hear);
      void this.ended.then((code) => reject(new Error(`it ended with ${code}: ${this.said.join('\n')}`)));
    });
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.child.kill(signal);
    return this.ended;
  }
}

describe('a grid of one server and one headless node', () => {
  const folder = mkdtempSync(join(tmpdir(), 'edge-runner-grid-'));
  const file = (name: string) => join(folder, name);
  const env = {
    ...process.env,
    XDG_CONFIG_HOME: file('config'),
    EDGE_RUNNER_CACHE: file('cache'),
  };
  let server: Background;
  let node: Background;
  let url: string;
  let admin: string;

  beforeAll(async () => {
    server = new Background(['server', '--port', '0', '--data', file('data')], env);
    url = (await server.line(/^edge-runner server: (\S+)$/))[1]!;
    admin = (await server.line(/admin token +(\S+)$/))[1]!;
    Object.assign(env, { EDGE_RUNNER_TOKEN: admin });
    const enrol = await run(['token', 'create', url, '--name', 'nodes', '--scope', 'enrol'], { env });
    writeFileSync(file('enrol'), enrol.stdout);
    node = new Background(['join', url, '--token-file', file('enrol'), '--name', 'mac mini'], env);
    await node.line(/connected as mac mini/);
  });
  afterAll(async () => {
    await node?.stop('SIGKILL');
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('gives what `run` gives', async () => {
    const job = ['pattern:640x360@30:90', '--detect', 'street-yolo', '--backend', 'cpu'];
    const here = await run(['run', ...job, '-o', file('here.mp4'), '--events', file('here.ndjson')], { env });
    expect(here.code).toBe(0);
    const there = await run(
      ['submit', url, ...job, '-o', file('there.mp4'), '--events', file('there.ndjson')],
      {
        env,
      },
    );
    expect(there).toMatchObject({ code: 0 });
    const frames = (name: string) =>
      readFileSync(file(name), 'utf8')
        .trim()
        .split('\n')
        .filter((line) => line.includes('"frame"'));
    expect(frames('there.ndjson')).toEqual(frames('here.ndjson'));
    expect(frames('there.ndjson')).toHaveLength(90);
  });

  it('does a file that was uploaded', async () => {
    await run(['run', 'pattern:320x180@30:60', '-o', file('clip.mp4')], { env });
    const { code } = await run(['submit', url, file('clip.mp4'), '--codec', 'vp9', '-o', file('out.webm')], {
      env,
    });
    expect(code).toBe(0);
    const inspected = await run(['inspect', file('out.webm'), '--json'], { env });
    expect(JSON.parse(inspected.stdout)).toMatchObject({ tracks: [{ kind: 'video' }] });
  });

  it('refuses what the engine refuses, with its own words and exit code, and leaves nothing', async () => {
    writeFileSync(
      file('bad.mp4'),
      Buffer.concat([readFileSync(file('clip.mp4')).subarray(0, 48), Buffer.alloc(4096)]),
    );
    const { code, stderr } = await run(['submit', url, file('bad.mp4'), '-o', file('bad-out.mp4')], { env });
    expect(code).toBe(2);
    expect(stderr).toMatch(/input-/);
  });

  it('gives the task to the browser that is started anew when the first is killed', async () => {
    const job = new Background(
      [
        'submit',
        url,
        'pattern:640x360@30:900',
        '--detect',
        'street-yolo',
        '-o',
        file('killed.mp4'),
        '--json',
      ],
      env,
    );
    await job.line(/"type":"progress".*"frames":[1-9]/);
    const browsers = await run(['doctor', '--json'], { env });
    expect(browsers.code).toBe(0);
    for (const pid of browsersOf(node.child.pid!)) process.kill(pid, 'SIGKILL');
    await node.line(/started again/);
    expect(await job.ended).toBe(0);
  }, 240_000);

  it('has a tab that joins with a link', async () => {
    const enrol = readFileSync(file('enrol'), 'utf8').trim();
    const browser = await puppeteer.launch({
      executablePath: process.env.EDGE_RUNNER_BROWSER!,
      args: ['--no-sandbox', '--disable-gpu'],
    });
    try {
      const page = await browser.newPage();
      await page.goto(`${url}/contribute#token=${enrol}`);
      await page.waitForFunction(() => document.body.innerText.includes('ready for work'), {
        timeout: 60_000,
      });
      expect(page.url()).toBe(`${url}/contribute/`);
      await page.click('#leave');
      await page.waitForFunction(() => document.body.innerText.includes('contributes nothing'), {
        timeout: 60_000,
      });
    } finally {
      await browser.close();
    }
  });

  it('drains on SIGTERM, and leaves no process', async () => {
    const browsers = browsersOf(node.child.pid!);
    expect(browsers.length).toBeGreaterThan(0);
    expect(await node.stop()).toBe(0);
    expect(browsers.filter(isAlive)).toEqual([]);
  });
});

/** Main processes of the browsers that a process has started. */
function browsersOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
