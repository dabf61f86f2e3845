import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { launchd } from './launchd.ts';
import type { ServiceDefinition, ServiceManager } from './service.ts';
import { systemd } from './systemd.ts';

/** Writes down what it was asked for; fails at what a line of `fails` says, in the words of `says`. */
const FAKE = `#!/bin/sh
echo "$*" >> "$FAKE/asked"
if [ -e "$FAKE/fails" ] && echo "$*" | grep -q -f "$FAKE/fails"; then cat "$FAKE/says" >&2; exit 1; fi
case "$*" in *--property=Version) echo Version=257 ;; esac
`;

const of = (server: string): ServiceDefinition => ({
  command: ['/usr/bin/node', '/opt/edge-runner.mjs', 'join', server, '--name', 'one'],
  environment: {},
  folder: '/srv/one',
});

interface Kind {
  name: string;
  commands: string[];
  manager(): ServiceManager;
  /** Below the home folder. */
  file: string;
  /** Of its commands the one that starts the service, and the one that stops it. */
  start: string;
  stop: string;
  /** What it says where it does not run, and to what. */
  dead: { fails: string; says: string };
}

const KINDS: Kind[] = [
  {
    name: 'systemd',
    commands: ['systemctl', 'loginctl'],
    manager: () => systemd(false),
    file: '.config/systemd/user/edge-runner.service',
    start: '--user restart edge-runner.service',
    stop: '--user disable --now edge-runner.service',
    dead: { fails: '.', says: 'Failed to connect to bus: No medium found' },
  },
  {
    name: 'launchd',
    commands: ['launchctl'],
    manager: () => launchd(501),
    file: 'Library/LaunchAgents/dev.edge-runner.node.plist',
    start: 'bootstrap gui/501',
    stop: 'bootout gui/501/dev.edge-runner.node',
    dead: { fails: '^print gui/501$', says: 'Could not find domain for gui/501' },
  },
];

describe.skipIf(process.platform === 'win32').each(KINDS)('$name', ({ commands, manager, ...kind }) => {
  let home: string;
  const file = () => join(home, kind.file);
  const asked = () => readFileSync(join(home, 'asked'), 'utf8').trim().split('\n');
  const failAt = (what: string, says: string) => {
    writeFileSync(join(home, 'fails'), `${what}\n`);
    writeFileSync(join(home, 'says'), `${says}\n`);
  };

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'edge-runner-service-'));
    mkdirSync(join(home, 'bin'));
    for (const name of commands) {
      writeFileSync(join(home, 'bin', name), FAKE);
      chmodSync(join(home, 'bin', name), 0o755);
    }
    vi.stubEnv('HOME', home);
    vi.stubEnv('FAKE', home);
    vi.stubEnv('XDG_CONFIG_HOME', '');
    vi.stubEnv('PATH', `${join(home, 'bin')}${delimiter}${process.env.PATH}`);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(home, { recursive: true, force: true });
  });

  it('is asked whether it runs', async () => {
    await manager().check();
    failAt(kind.dead.fails, kind.dead.says);
    await expect(manager().check()).rejects.toMatchObject({
      code: 'no-service-manager',
      message: expect.stringContaining(kind.dead.says),
    });
    rmSync(join(home, 'bin', commands[0]!));
    vi.stubEnv('PATH', join(home, 'bin'));
    await expect(manager().check()).rejects.toMatchObject({ code: 'no-service-manager' });
  });

  it('keeps nothing of what it could not start', async () => {
    failAt(kind.start, 'Unit is masked.');
    await expect(manager().install(of('https://one:7300'))).rejects.toMatchObject({
      code: 'service-failed',
      message: expect.stringMatching(/failed: Unit is masked\.$/),
    });
    expect(existsSync(file())).toBe(false);
    expect(asked().findLastIndex((line) => line.startsWith(kind.stop))).toBeGreaterThan(
      asked().findIndex((line) => line.startsWith(kind.start)),
    );
    expect(await manager().remove()).toBeNull();
  });

  it('goes on with the one that was there when another one could not be started', async () => {
    const { notes } = await manager().install(of('https://one:7300'));
    expect(notes.join()).not.toContain('It replaces');
    const before = readFileSync(file(), 'utf8');
    failAt(kind.start, 'Unit is masked.');
    await expect(manager().install(of('https://two:7300'))).rejects.toMatchObject({ code: 'service-failed' });
    expect(readFileSync(file(), 'utf8')).toBe(before);
    expect(asked().at(-1)).toContain(kind.start);
    rmSync(join(home, 'fails'));
    expect((await manager().install(of('https://two:7300'))).notes[0]).toContain(
      'It replaces the service that worked for https://one:7300',
    );
    expect((await manager().install(of('https://two:7300'))).notes.join()).not.toContain('It replaces');
  });

  it('removes what it cannot stop, and says so', async () => {
    await manager().install(of('https://one:7300'));
    failAt(kind.stop, 'Connection timed out');
    expect(await manager().remove()).toEqual(['it could not be stopped: Connection timed out']);
    expect(existsSync(file())).toBe(false);
    expect(await manager().remove()).toBeNull();
  });
});

describe('what is removed', () => {
  const home = mkdtempSync(join(tmpdir(), 'edge-runner-service-'));
  afterAll(() => {
    vi.unstubAllEnvs();
    rmSync(home, { recursive: true, force: true });
  });

  it('is not found by systemd under another name', async () => {
    vi.stubEnv('XDG_CONFIG_HOME', home);
    vi.stubEnv('PATH', home);
    const file = join(home, 'systemd/user/edge-runner.service');
    const enabled = join(dirname(file), 'default.target.wants/edge-runner.service');
    mkdirSync(dirname(enabled), { recursive: true });
    for (const path of [file, enabled]) writeFileSync(path, '');
    expect(await systemd(false).remove()).toEqual([expect.stringContaining('There is no systemctl here')]);
    expect([existsSync(file), existsSync(enabled)]).toEqual([false, false]);
  });
});
