import { execFile, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { agentOf } from '../headless-runner/service/launchd.ts';
import { unitOf } from '../headless-runner/service/systemd.ts';
import type { NodeView } from '../protocol/index.ts';
import { startTestServer, type TestServer } from '../server/testing.ts';
import { ROOT } from './support/command.ts';
import { openBrowser } from './support/pages.ts';

/** A service belongs to a user, not to root, who would get the system's: as root the tests are nobody. */
const isRoot = process.getuid?.() === 0;
const NOBODY = 65_534;

/** Enough of systemctl to see what it was asked for, and to answer. */
const SYSTEMCTL = `#!/bin/sh
echo "$(basename "$0") $*" >> "$FAKE/asked"
case "$*" in
  *show*) cat "$FAKE/state" ;;
esac
`;

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

describe.runIf(process.platform === 'linux')('a node as a service', () => {
  let server: TestServer;
  let home: string;
  let env: Record<string, string>;

  beforeAll(async () => {
    // The test itself asks a server whose authority is its own; the commands under test are told its pin.
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    server = await startTestServer({ host: '0.0.0.0', names: ['127.0.0.1'] });
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    home = mkdtempSync(join(tmpdir(), 'edge-runner-service-'));
    mkdirSync(join(home, 'bin'));
    for (const name of ['systemctl', 'loginctl']) {
      writeFileSync(join(home, 'bin', name), SYSTEMCTL);
      chmodSync(join(home, 'bin', name), 0o755);
    }
    writeFileSync(join(home, 'state'), '');
    mkdirSync(join(home, 'tmp'));
    if (isRoot) for (const path of ['', 'tmp', 'state']) chownSync(join(home, path), NOBODY, NOBODY);
    env = {
      ...{ HOME: home, FAKE: home, TMPDIR: join(home, 'tmp'), USER: 'nobody' },
      PATH: `${join(home, 'bin')}${delimiter}${process.env.PATH}`,
      XDG_CONFIG_HOME: join(home, 'config'),
      EDGE_RUNNER_BROWSER: process.env.EDGE_RUNNER_BROWSER ?? '',
      EDGE_RUNNER_TOKEN: await server.token('enrol'),
      ...(process.env.NODE_EXTRA_CA_CERTS && { NODE_EXTRA_CA_CERTS: process.env.NODE_EXTRA_CA_CERTS }),
    };
  });
  afterEach(() => rmSync(home, { recursive: true, force: true, maxRetries: 5 }));

  const who = isRoot ? { uid: NOBODY, gid: NOBODY } : {};
  const run = (file: string, args: string[], more: Record<string, string> = {}) =>
    new Promise<Ended>((resolve) => {
      const child = execFile(
        file,
        args,
        { ...who, env: { ...env, ...more }, cwd: home },
        (_, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
      );
    });
  const edgeRunner = (...args: string[]) =>
    run(process.execPath, [join(ROOT, 'bin/edge-runner.mjs'), ...args]);
  const asked = () => readFileSync(join(home, 'asked'), 'utf8').trim().split('\n');
  const unit = () => join(home, 'config/systemd/user/edge-runner.service');
  const nodes = async () => (await server.ask<{ nodes: NodeView[] }>('GET', '/v1/nodes')).body.nodes;

  /** Does what systemd would: the unit's command, with its environment and nothing else. */
  async function startUnit(name: string): Promise<() => Promise<number | null>> {
    const { command, environment, folder } = readUnit(readFileSync(unit(), 'utf8'));
    const child = spawn(command[0]!, command.slice(1), {
      ...{ ...who, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
      env: { HOME: home, TMPDIR: join(home, 'tmp'), ...environment },
    });
    let said = '';
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    await new Promise<void>((resolve, reject) => {
      child.stderr!.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        if (said.includes(`connected as ${name}`)) resolve();
      });
      child.once('close', () => reject(new Error(`it ended: ${said}`)));
    });
    return () => {
      child.kill('SIGTERM');
      return ended;
    };
  }

  it('is written, started and enrolled at once, without a token in it, and joins as it was told', async () => {
    const pin = server.running.pin!;
    const given = [
      '--name',
      'farm "one" 100 %',
      '--labels',
      'night',
      '--schedule',
      '00:00-24:00',
      '--pin',
      pin,
    ];
    const { code, stderr } = await edgeRunner('service', 'install', server.url, ...given);
    expect(code, stderr).toBe(0);
    expect(asked().filter((line) => !/--version/.test(line))).toEqual([
      'systemctl --user daemon-reload',
      'systemctl --user enable edge-runner.service',
      'systemctl --user restart edge-runner.service',
      expect.stringMatching(/^loginctl enable-linger \w+$/),
    ]);
    const text = readFileSync(unit(), 'utf8');
    expect(text).not.toContain('er_enrol');
    const enrolled = (await nodes()).find(({ name }) => name === 'farm "one" 100 %');
    expect(enrolled).toMatchObject({ connected: false });
    // The system's own reader of such files.
    const verified = spawnSync('systemd-analyze', ['verify', '--user', unit()], {
      encoding: 'utf8',
      env: { ...process.env, ...env },
    });
    if (!verified.error)
      expect(verified.stderr.split('\n').filter((line) => line.includes('edge-runner'))).toEqual([]);
    const stop = await startUnit('farm "one" 100 %');
    expect((await nodes()).find(({ id }) => id === enrolled!.id)).toMatchObject({
      connected: true,
      labels: ['night'],
    });
    expect(await stop()).toBe(0);
  });

  it('says how it stands, and goes when it is removed', async () => {
    expect(await edgeRunner('service', 'status')).toMatchObject({ code: 1, stdout: 'not installed\n' });
    await edgeRunner('service', 'install', server.url, '--name', 'one', '--pin', server.running.pin!);
    const state = (words: string) => writeFileSync(join(home, 'state'), words);
    state(
      'LoadState=loaded\nActiveState=active\nSubState=running\nMainPID=4711\nActiveEnterTimestamp=Sun 2026-11-22 10:00:00 UTC\nResult=success\n',
    );
    expect(await edgeRunner('service', 'status')).toMatchObject({
      code: 0,
      stdout: `running since Sun 2026-11-22 10:00:00 UTC, process 4711\n${unit()}\n`,
    });
    state(
      'LoadState=loaded\nActiveState=failed\nSubState=failed\nMainPID=0\nActiveEnterTimestamp=\nResult=exit-code\n',
    );
    expect(await edgeRunner('service', 'status')).toMatchObject({
      code: 1,
      stdout: `failed (failed, exit-code)\n${unit()}\n`,
    });
    expect((await edgeRunner('service', 'remove')).code).toBe(0);
    expect(asked()).toContain('systemctl --user disable --now edge-runner.service');
    expect(existsSync(unit())).toBe(false);
    expect((await edgeRunner('service', 'remove')).stderr).toContain('there is no service to remove');
  });

  it('is not written where nothing would start it, or nobody would let it in', async () => {
    rmSync(join(home, 'bin/systemctl'));
    const path = join(home, 'bin');
    const none = await run(
      process.execPath,
      [join(ROOT, 'bin/edge-runner.mjs'), 'service', 'install', server.url, '--pin', server.running.pin!],
      { PATH: path },
    );
    expect([none.code, none.stderr]).toEqual([3, expect.stringContaining('no-service-manager')]);
    expect(existsSync(unit())).toBe(false);
    env.EDGE_RUNNER_TOKEN = 'er_enrol_unknown';
    const refused = await edgeRunner(
      'service',
      'install',
      server.url,
      '--name',
      'x',
      '--pin',
      server.running.pin!,
    );
    expect([refused.code, refused.stderr]).toEqual([3, expect.stringContaining('token-unknown')]);
    expect(existsSync(unit())).toBe(false);
  });

  it("is what the dashboard's line makes of a machine that has nothing but Node", async () => {
    const browser = await openBrowser();
    const page = await browser.newPage({ ignoreHTTPSErrors: true });
    await page.goto(`${server.url}/dashboard/#login=${server.running.loginCode}`);
    await page.getByRole('link', { name: 'Add a node' }).click();
    await page
      .getByLabel('They reach it by')
      .selectOption({ label: `https://127.0.0.1:${new URL(server.url).port}` });
    await page.getByRole('button', { name: 'Show how' }).click();
    const line = await page.getByRole('region', { name: 'line that installs a service' }).textContent();
    await browser.close();
    delete env.EDGE_RUNNER_TOKEN;
    const { code, stdout, stderr } = await run('sh', ['-c', line!]);
    expect(code, `${line}\n${stdout}${stderr}`).toBe(0);
    const { command } = readUnit(readFileSync(unit(), 'utf8'));
    // The build that the server gave it, not this one.
    expect(command[1]).toContain(join(home, '.local/share/edge-runner/app/node_modules/edge-runner'));
    const { name } = (await nodes()).at(-1)!;
    const stop = await startUnit(name);
    expect((await nodes()).at(-1)).toMatchObject({ connected: true });
    expect(await stop()).toBe(0);
  }, 300_000);
});

/** A unit file as systemd.syntax(7) has it, of what ours use. */
function readUnit(text: string): { command: string[]; environment: Record<string, string>; folder: string } {
  const all = (key: string) =>
    [...text.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value]) => value!);
  const words = (line: string) =>
    [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, word]) =>
      word!.replace(/\\(.)/g, '$1').replaceAll('%%', '%').replaceAll('$$', '$'),
    );
  return {
    command: words(all('ExecStart')[0]!),
    environment: Object.fromEntries(
      all('Environment').map((line) => words(line)[0]!.split(/=(.*)/s).slice(0, 2) as [string, string]),
    ),
    folder: all('WorkingDirectory')[0]!.replaceAll('%%', '%'),
  };
}

const ODD = {
  command: [
    '/usr/bin/node',
    '/opt/a b/edge-runner.mjs',
    'join',
    '--name',
    `it's "50 %" <of> $HOME & \\ more`,
  ],
  environment: { PATH: '/usr/bin', XDG_CONFIG_HOME: '/srv/a b/<c>' },
  folder: '/srv/a b',
};

describe('what is written for a service', () => {
  it('is read by systemd as it was meant', () => {
    expect(readUnit(unitOf(ODD, false))).toEqual(ODD);
    expect(unitOf(ODD, true)).toContain('WantedBy=multi-user.target');
  });

  it('is XML that launchd reads as it was meant', async () => {
    const browser = await openBrowser();
    const page = await browser.newPage();
    const read = await page.evaluate(
      (text) => {
        const parsed = new DOMParser().parseFromString(text, 'application/xml');
        const nextTo = (name: string) =>
          [...parsed.querySelectorAll('key')].find((key) => key.textContent === name)!.nextElementSibling!;
        const dict = nextTo('EnvironmentVariables');
        return {
          faults: parsed.querySelectorAll('parsererror').length,
          command: [...nextTo('ProgramArguments').children].map(({ textContent }) => textContent),
          environment: Object.fromEntries(
            [...dict.querySelectorAll('key')].map((key) => [
              key.textContent,
              key.nextElementSibling!.textContent,
            ]),
          ),
          folder: nextTo('WorkingDirectory').textContent,
          keeps: nextTo('KeepAlive').tagName,
        };
      },
      agentOf(ODD, '/tmp/log'),
    );
    await browser.close();
    expect(read).toEqual({ faults: 0, ...ODD, keeps: 'true' });
  });
});
