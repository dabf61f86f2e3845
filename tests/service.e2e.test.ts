import { execFile, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { agentOf } from '../headless-runner/service/launchd.ts';
import { unitOf } from '../headless-runner/service/systemd.ts';
import type { NodeView } from '../protocol/index.ts';
import { startTestServer, type TestServer } from '../server/testing.ts';
import { certificate, newKeys } from './support/certificates.ts';
import { ROOT } from './support/command.ts';
import { openBrowser } from './support/pages.ts';

/** A service belongs to a user, not to root, who would get the system's: as root the tests are nobody. */
const isRoot = process.getuid?.() === 0;
const NOBODY = 65_534;

/** Enough of systemctl to see what it was asked for, and to answer; `dead` says what it does where nothing runs. */
const SYSTEMCTL = `#!/bin/sh
echo "$(basename "$0") $*" >> "$FAKE/asked"
if [ -e "$FAKE/dead" ]; then cat "$FAKE/dead" >&2; exit 1; fi
case "$*" in
  *--property=Version) echo Version=257 ;;
  *show*) cat "$FAKE/state" ;;
esac
`;
/** As it says it in a container, to root and to others. */
const DEAD = 'Failed to connect to bus: No medium found\n';

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
  const run = (file: string, args: string[], more: Record<string, string> = {}, cwd = home) =>
    new Promise<Ended>((resolve) => {
      const child = execFile(file, args, { ...who, env: { ...env, ...more }, cwd }, (_, stdout, stderr) =>
        resolve({ code: child.exitCode, stdout, stderr }),
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
    expect(asked().filter((line) => !/--property=Version/.test(line))).toEqual([
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
    renameSync(join(home, 'bin/systemctl'), join(home, 'systemctl'));
    const path = join(home, 'bin');
    const none = await run(
      process.execPath,
      [join(ROOT, 'bin/edge-runner.mjs'), 'service', 'install', server.url, '--pin', server.running.pin!],
      { PATH: path },
    );
    expect([none.code, none.stderr]).toEqual([3, expect.stringContaining('no-service-manager')]);
    expect(existsSync(unit())).toBe(false);
    renameSync(join(home, 'systemctl'), join(home, 'bin/systemctl'));
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

  it('is not written where systemctl is there and systemd does not run, and the server hears nothing', async () => {
    writeFileSync(join(home, 'dead'), DEAD);
    const known = (await nodes()).length;
    const refused = await edgeRunner('service', 'install', server.url, '--pin', server.running.pin!);
    expect([refused.code, refused.stderr]).toEqual([
      3,
      expect.stringMatching(/no-service-manager: .+: Failed to connect to bus: No medium found\.$/m),
    ]);
    expect(existsSync(unit())).toBe(false);
    expect(existsSync(join(home, 'config/edge-runner'))).toBe(false);
    expect(await nodes()).toHaveLength(known);
  });

  it('is removed where nothing runs any more that could stop it', async () => {
    await edgeRunner('service', 'install', server.url, '--name', 'one', '--pin', server.running.pin!);
    writeFileSync(join(home, 'dead'), DEAD);
    const status = await edgeRunner('service', 'status');
    expect(status).toMatchObject({
      code: 1,
      stdout: `not running: Failed to connect to bus: No medium found\n${unit()}\n`,
    });
    const removed = await edgeRunner('service', 'remove');
    expect([removed.code, removed.stderr]).toEqual([
      1,
      expect.stringContaining('it could not be stopped: Failed to connect to bus: No medium found'),
    ]);
    expect(existsSync(unit())).toBe(false);
    const again = await edgeRunner('service', 'remove');
    expect([again.code, again.stderr]).toEqual([0, 'edge-runner: there is no service to remove\n']);
  });

  it('finds what it was told of wherever it was installed from, and says whom it worked for before', async () => {
    const { cert, key } = await certificate({ issuer: null, signer: await newKeys() });
    mkdirSync(join(home, 'here'));
    writeFileSync(join(home, 'here/client.pem'), cert);
    writeFileSync(join(home, 'here/client.key'), key);
    writeFileSync(join(home, 'here/enrol'), env.EDGE_RUNNER_TOKEN!);
    const install = (url: string, ...more: string[]) =>
      run(
        process.execPath,
        [join(ROOT, 'bin/edge-runner.mjs'), 'service', 'install', '--name', 'one', url, ...more],
        { EDGE_RUNNER_MODELS: `models${delimiter}/srv/models`, XDG_CACHE_HOME: 'cache' },
        join(home, 'here'),
      );
    const pin = server.running.pin!;
    const options = ['--cert', 'client.pem', '--key=client.key', `--pin=${pin}`, '--token-file', 'enrol'];
    const first = await install(`${server.url}/contribute#token=secret`, ...options);
    expect(first.code, first.stderr).toBe(0);
    expect(first.stderr).not.toContain('It replaces');
    const { command, environment, folder } = readUnit(readFileSync(unit(), 'utf8'));
    expect(folder).toBe(home);
    expect(command.slice(2)).toEqual([
      ...['join', server.url, '--name', 'one'],
      ...['--cert', join(home, 'here/client.pem'), '--key', join(home, 'here/client.key'), '--pin', pin],
    ]);
    expect(environment).toMatchObject({
      EDGE_RUNNER_MODELS: `${join(home, 'here/models')}${delimiter}/srv/models`,
      XDG_CACHE_HOME: join(home, 'here/cache'),
    });
    const other = `https://127.0.0.1:${new URL(server.url).port}`;
    const second = await install(other, '--pin', pin);
    expect(second.code, second.stderr).toBe(0);
    expect(second.stderr).toContain(`It replaces the service that worked for ${server.url}`);
    expect((await install(other, '--pin', pin)).stderr).not.toContain('It replaces');
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
    expect(command[1]).toContain(join(home, '.local/lib/edge-runner/node_modules/edge-runner'));
    // Where a server on the same machine keeps its data, nothing of that.
    expect(existsSync(join(home, '.local/share/edge-runner'))).toBe(false);
    const link = join(home, '.local/bin/edge-runner');
    expect(stderr).toContain(`the command is ${link} (${dirname(link)} is not on the PATH)`);
    expect((await run(link, ['service', 'status'])).stdout).toContain(unit());
    const { name } = (await nodes()).at(-1)!;
    const stop = await startUnit(name);
    expect((await nodes()).at(-1)).toMatchObject({ connected: true });
    expect(await stop()).toBe(0);
  }, 300_000);
});

const ESCAPE = /\\(?:([abfnrtvs\\"'])|x([0-9a-f]{2})|([0-7]{3})|u([0-9a-f]{4})|U([0-9a-f]{8})|(.))/g;
const NAMED: Record<string, string> = {
  ...{ a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', s: ' ' },
};

/** C-style escapes of systemd.syntax(7); there are no others. */
const unescaped = (text: string): string =>
  text.replace(ESCAPE, (all, name, hex, octal, short, long, unknown) => {
    if (unknown) throw new Error(`no escape: ${all}`);
    if (name) return NAMED[name] ?? name;
    return String.fromCodePoint(
      octal ? Number.parseInt(octal, 8) : Number.parseInt(hex ?? short ?? long, 16),
    );
  });

/** Specifiers of systemd.unit(5): ours means none but the percent sign. */
const specified = (text: string): string =>
  text.replace(/%(.?)/g, (all, letter) => {
    if (letter !== '%') throw new Error(`a specifier: ${all}`);
    return '%';
  });

/** Variables of systemd.service(5), where none is set. */
const substituted = (word: string): string =>
  word.replace(/\$(\$|\{\w+\}|\w+)/g, (_, what) => (what === '$' ? '$' : ''));

/** A unit file as the manual has it. */
function readUnit(text: string): { command: string[]; environment: Record<string, string>; folder: string } {
  const entries = text
    // A line that ends in a backslash goes on in the next one.
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '' && !/^\s*[#;]/.test(line) && !/^\[\w+\]$/.test(line))
    .map((line) => {
      const [, key, value] = /^\s*(\w+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
      if (key === undefined) throw new Error(`no entry: ${line}`);
      return { key, value: value! };
    });
  const all = (wanted: string) => entries.filter(({ key }) => key === wanted).map(({ value }) => value);
  const items = (line: string) =>
    [...line.matchAll(/(?<=^|\s)(?:"((?:[^"\\]|\\.)*)"(?=\s|$)|([^\s"]\S*))/g)].map(([, quoted, bare]) =>
      specified(unescaped(quoted ?? bare!)),
    );
  return {
    // The program itself may not be a variable: what looks like one there is its name.
    command: items(all('ExecStart')[0]!).map((word, i) => (i === 0 ? word : substituted(word))),
    environment: Object.fromEntries(
      all('Environment')
        .flatMap(items)
        .map((item) => item.split(/=(.*)/s).slice(0, 2) as [string, string]),
    ),
    // Neither unquoted nor unescaped.
    folder: specified(all('WorkingDirectory')[0]!),
  };
}

const ODD = {
  command: [
    '/opt/$node/bin/node',
    '/opt/a b/edge-runner.mjs',
    'join',
    '--name',
    `it's "50 %" <of> $HOME \${HOME} $$ & \\ more\tand\nmore`,
  ],
  environment: {
    PATH: '/usr/bin:/opt/$bin:/opt/100 %:/opt/$$',
    XDG_CONFIG_HOME: '/srv/a b/<c>',
    EDGE_RUNNER_MODELS: '/srv/"q"\\n/new\nline/é',
  },
  folder: '/srv/a b/100 % $HOME',
};

describe('what is written for a service', () => {
  it('is read by systemd as it was meant', () => {
    expect(readUnit(unitOf(ODD, false))).toEqual(ODD);
    expect(unitOf(ODD, true)).toContain('WantedBy=multi-user.target');
    // No line of this entry can hold these.
    for (const folder of ['/srv/a\nb', '/srv/a ', '/srv/a\\'])
      expect(readUnit(unitOf({ ...ODD, folder }, false))).toEqual({ ...ODD, folder: '~' });
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
