import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import puppeteer, { type Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobDetail } from '../protocol/index.ts';
import { Command, edgeRunner, expectNothingLeft, expectRefusal, succeed } from './support/command.ts';
import { lateClock } from './support/late-clock.ts';
import { openBrowser, openPage, shoot } from './support/pages.ts';

/** What a command that goes on has said, or is yet to say. */
async function said(command: Command, pattern: RegExp): Promise<RegExpExecArray> {
  await command.until(({ stdout, stderr }) => pattern.test(stdout) || pattern.test(stderr));
  return (pattern.exec(command.stdout) ?? pattern.exec(command.stderr))!;
}

const MINUTES = 600_000;

describe('a grid of one server and one headless node', () => {
  const folder = mkdtempSync(join(tmpdir(), 'edge-runner-grid-'));
  const file = (name: string) => join(folder, name);
  const env: Record<string, string> = {
    XDG_CONFIG_HOME: file('config'),
    EDGE_RUNNER_CACHE: file('cache'),
  };
  let server: Command;
  let node: Command;
  let url: string;

  beforeAll(async () => {
    server = await Command.start(['server', '--port', '0', '--data', file('data')], { env, hung: MINUTES });
    url = (await said(server, /^edge-runner server: (\S+)$/m))[1]!;
    env.EDGE_RUNNER_TOKEN = (await said(server, /admin token +(\S+)$/m))[1]!;
    const enrol = await succeed(['token', 'create', url, '--name', 'nodes', '--scope', 'enrol'], { env });
    writeFileSync(file('enrol'), enrol.stdout);
    const join = ['join', url, '--token-file', file('enrol'), '--name', 'mac mini'];
    node = await Command.start(join, { env, hung: MINUTES });
    await said(node, /connected as mac mini/);
  });
  afterAll(async () => {
    node?.child.kill('SIGKILL');
    await node?.ended;
    server?.child.kill('SIGTERM');
    const ended = await server?.ended;
    if (ended) expectNothingLeft(ended);
    rmSync(folder, { recursive: true, force: true });
  });

  it('gives what `run` gives', async () => {
    const job = ['pattern:640x360@30:90', '--detect', 'street-yolo', '--backend', 'cpu'];
    await succeed(['run', ...job, '-o', file('here.mp4'), '--events', file('here.ndjson')], { env });
    await succeed(['submit', url, ...job, '-o', file('there.mp4'), '--events', file('there.ndjson')], {
      env,
    });
    const frames = (name: string) =>
      readFileSync(file(name), 'utf8')
        .trim()
        .split('\n')
        .filter((line) => line.includes('"frame"'));
    expect(frames('there.ndjson')).toEqual(frames('here.ndjson'));
    expect(frames('there.ndjson')).toHaveLength(90);
  });

  it('does a file that was uploaded', async () => {
    await succeed(['run', 'pattern:320x180@30:60', '-o', file('clip.mp4')], { env });
    await succeed(['submit', url, file('clip.mp4'), '--codec', 'vp9', '-o', file('out.webm')], { env });
    const inspected = await succeed(['inspect', file('out.webm'), '--json'], { env });
    expect(JSON.parse(inspected.stdout)).toMatchObject({ tracks: [{ kind: 'video' }] });
  });

  it.each(['mp4', 'm3u8'])('plays what came of a job on its page (%s)', async (kind) => {
    const job = ['pattern:320x180@30:90', '--codec', 'h264', '-o', file(`played.${kind}`)];
    await succeed(['submit', url, ...job], { env });
    const browser = await openBrowser();
    try {
      const { page, faults } = await openPage(await browser.newContext());
      await page.goto(`${url}/dashboard/`);
      await page.getByLabel('Token').fill(env.EDGE_RUNNER_TOKEN!);
      await page.getByRole('button', { name: 'Log in' }).click();
      await page
        .getByRole('row', { name: /pattern 320×180/ })
        .first()
        .getByRole('link')
        .click();
      const video = page.locator('video');
      await video.evaluate((element: HTMLVideoElement) => {
        element.muted = true;
        return element.play();
      });
      await expect
        .poll(() => video.evaluate((element: HTMLVideoElement) => element.currentTime))
        .toBeGreaterThan(1);
      const { width, frames } = await video.evaluate((element: HTMLVideoElement) => ({
        width: element.videoWidth,
        frames: element.getVideoPlaybackQuality().totalVideoFrames,
      }));
      expect([width, frames > 20]).toEqual([320, true]);
      await page.getByText('1 on mac mini: done').waitFor({ state: 'attached' });
      await shoot(page, `job-${kind}`);
      expect(faults).toEqual([]);
    } finally {
      await browser.close();
    }
  });

  it('refuses what the engine refuses, with its own words and exit code, and leaves nothing', async () => {
    writeFileSync(
      file('bad.mp4'),
      Buffer.concat([readFileSync(file('clip.mp4')).subarray(0, 48), Buffer.alloc(4096)]),
    );
    expectRefusal(
      await edgeRunner(['submit', url, file('bad.mp4'), '-o', file('bad-out.mp4')], { env }),
      2,
      /input-.*/,
    );
  });

  it('refuses a folder of more pictures than a job can name before it uploads one', async () => {
    mkdirSync(file('pictures'));
    for (let i = 0; i < 5000; i += 1)
      writeFileSync(
        file(`pictures/${`${i}`.padStart(220, '0')}.png`),
        Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'),
      );
    const refused = await edgeRunner(['submit', url, file('pictures'), '--detect', '-o', file('drawn/')], {
      env,
    });
    expectRefusal(refused, 2, 'body-too-large');
    expect(refused.stderr).toContain('5000 pictures');
  });

  it('gives the task to the browser that is started anew when the first is killed', async () => {
    const job = ['pattern:640x360@30:900', '--detect', 'street-yolo', '-o', file('killed.mp4'), '--json'];
    const submitted = await Command.start(['submit', url, ...job], { env, hung: MINUTES });
    await said(submitted, /"type":"progress".*"frames":[1-9]/);
    for (const pid of browsersOf(node.child.pid!)) process.kill(pid, 'SIGKILL');
    await said(node, /started again/);
    const finished = await submitted.ended;
    expect(finished.code, finished.stderr).toBe(0);
    expectNothingLeft(finished);
  }, 240_000);

  it('goes on, and so does who submitted, when the server is killed and started anew', async () => {
    const job = ['pattern:640x360@30:600', '--detect', 'street-yolo', '-o', file('restarted.mp4'), '--json'];
    const submitted = await Command.start(['submit', url, ...job], { env, hung: MINUTES });
    const [, id] = await said(submitted, /job (j_\w+)/);
    await said(submitted, /"type":"progress".*"frames":[1-9]/);
    server.child.kill('SIGKILL');
    await server.ended;
    const { port } = new URL(url);
    server = await Command.start(['server', '--port', port, '--data', file('data')], { env, hung: MINUTES });
    await said(server, /^edge-runner server: /m);
    expect(server.stdout).not.toContain('admin token');
    const finished = await submitted.ended;
    expect(finished.code, finished.stderr).toBe(0);
    const answer = await fetch(new URL(`/v1/jobs/${id}`, url), {
      headers: { authorization: `Bearer ${env.EDGE_RUNNER_TOKEN}` },
    });
    // Not one frame was done twice.
    const { taskList } = (await answer.json()) as JobDetail;
    expect(taskList[0]!.attempts).toHaveLength(1);
  }, 240_000);

  it('says why a job waits', async () => {
    const job = ['pattern:64x64@30:10', '--trust', 'trusted', '-o', file('never.mp4')];
    const submitted = await Command.start(['submit', url, ...job], { env, hung: MINUTES });
    await said(submitted, /waiting: none of the 1 node that is connected is trusted/);
    submitted.child.kill('SIGINT');
    expect((await submitted.ended).code).toBe(130);
  });

  it('has a tab that joins with a link', async () => {
    const enrol = readFileSync(file('enrol'), 'utf8').trim();
    const browser = await puppeteer.launch({
      executablePath: process.env.EDGE_RUNNER_BROWSER!,
      args: ['--no-sandbox', '--disable-gpu'],
    });
    try {
      const page = await browser.newPage();
      await page.goto(`${url}/contribute#token=${enrol}`);
      await joinByPage(page);
      expect(page.url()).toBe(`${url}/contribute/`);
      await page.locator('::-p-aria(Leave)').click();
      await page.waitForFunction(() => document.body.innerText.includes('contributes nothing'), {
        timeout: 60_000,
      });
    } finally {
      await browser.close();
    }
  });

  it.each([1, -1])('gives its work to a tab whose clock is %i h off', async (hours) => {
    const region = hours > 0 ? 'late' : 'early';
    const made = ['token', 'create', url, '--name', region, '--scope', 'enrol', '--region', region];
    const token = (await succeed(made, { env })).stdout.trim();
    const clock = await lateClock(url, hours * 3_600_000);
    const browser = await puppeteer.launch({
      executablePath: process.env.EDGE_RUNNER_BROWSER!,
      args: ['--no-sandbox', '--disable-gpu'],
    });
    try {
      const page = await browser.newPage();
      await page.goto(`${clock.url}/contribute#token=${token}`);
      await joinByPage(page);
      const off = (await page.evaluate(() => Date.now())) - Date.now();
      expect(Math.abs(off - hours * 3_600_000)).toBeLessThan(60_000);
      const job = ['pattern:320x180@30:60', '--detect', 'street-yolo', '-o', file(`${region}.mp4`)];
      await succeed(['submit', url, ...job, '--region', region], { env });
      const inspected = await succeed(['inspect', file(`${region}.mp4`), '--json'], { env });
      expect(JSON.parse(inspected.stdout)).toMatchObject({ tracks: [{ kind: 'video', samples: 60 }] });
    } finally {
      await browser.close();
      await clock.stop();
    }
  });

  it('drains on SIGTERM, and leaves no process', async () => {
    const browsers = browsersOf(node.child.pid!);
    expect(browsers.length).toBeGreaterThan(0);
    node.child.kill('SIGTERM');
    const ended = await node.ended;
    expect(ended.code, ended.stderr).toBe(0);
    expectNothingLeft(ended);
    expect(browsers.filter(isAlive)).toEqual([]);
  });
});

/** What somebody does who opens the link. */
async function joinByPage(page: Page): Promise<void> {
  await page.locator('::-p-aria(Start)').click();
  await page.waitForFunction(() => document.body.innerText.includes('Ready for work'), { timeout: 60_000 });
}

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
