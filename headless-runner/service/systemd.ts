import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { askSystem, noManager, saidBy, tellSystem, trySystem } from './ask-system.ts';
import {
  RESTART_SECONDS,
  replacing,
  type ServiceDefinition,
  type ServiceManager,
  STOP_SECONDS,
} from './service.ts';

const UNIT = 'edge-runner.service';

/** systemd: the user's own manager, or for root the system's. */
export function systemd(isRoot = process.getuid?.() === 0): ServiceManager {
  const scope = isRoot ? [] : ['--user'];
  const file = isRoot
    ? join('/etc/systemd/system', UNIT)
    : join(process.env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'systemd/user', UNIT);
  const tell = (...args: string[]) => tellSystem('systemctl', [...scope, ...args]);
  const attempt = (...args: string[]) => trySystem('systemctl', [...scope, ...args]);

  /** @returns what could not be done, in words. */
  async function takeAway(): Promise<string[]> {
    const stopped = await attempt('disable', '--now', UNIT);
    await rm(file, { force: true });
    // What "enable" made; where nothing runs that could be asked, "disable" leaves it.
    await rm(join(dirname(file), `${targetOf(isRoot)}.wants`, UNIT), { force: true });
    await attempt('daemon-reload');
    return stopped.ok ? [] : [`it could not be stopped: ${saidBy(stopped)}`];
  }

  /** The one that was there before, as far as that can be had. */
  async function putBack(before: string): Promise<void> {
    await writeFile(file, before);
    await attempt('daemon-reload');
    await attempt('restart', UNIT);
  }

  return {
    async check() {
      const asked = await askSystem('systemctl', [...scope, 'show', '--property=Version']);
      // In a chroot it does nothing, and calls that a success.
      if (asked.ok && asked.stdout.startsWith('Version=')) return;
      if (isRoot) throw noManager(`systemd does not run here: ${saidBy(asked)}.`);
      throw noManager(
        `The systemd of user ${userInfo().username} does not answer: ${saidBy(asked)}.`,
        'Log in as this user itself, not by su or sudo; without systemd, have something else start "edge-runner join".',
      );
    },
    async install(definition) {
      const before = await readFile(file, 'utf8').catch(() => null);
      const unit = unitOf(definition, isRoot);
      try {
        await mkdir(dirname(file), { recursive: true });
        await writeFile(file, unit, { mode: 0o644 });
        await tell('daemon-reload');
        await tell('enable', UNIT);
        // One that runs already goes on with what was written now.
        await tell('restart', UNIT);
      } catch (error) {
        await (before === null ? takeAway() : putBack(before)).catch(() => {});
        throw error;
      }
      const notes = before === null ? [] : replacing(serverOf(before), serverOf(unit));
      if (!isRoot) {
        // Else it would start when its user logs in, and end when they log out.
        const { username } = userInfo();
        const { ok } = await trySystem('loginctl', ['enable-linger', username]);
        if (!ok)
          notes.push(
            `It runs only while ${username} is logged in; "sudo loginctl enable-linger ${username}" lets it run always.`,
          );
      }
      return { file, notes };
    },
    async status() {
      const names = ['LoadState', 'ActiveState', 'SubState', 'MainPID', 'ActiveEnterTimestamp', 'Result'];
      const asked = await askSystem('systemctl', [...scope, 'show', UNIT, `--property=${names.join(',')}`]);
      const written = existsSync(file) ? file : null;
      if (!asked.ok) return { file: written, running: false, words: `not running: ${saidBy(asked)}` };
      const told = new Map(
        asked.stdout.split('\n').map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]),
      );
      const running = told.get('ActiveState') === 'active';
      const words = running
        ? `running since ${told.get('ActiveEnterTimestamp')}, process ${told.get('MainPID')}`
        : `${told.get('ActiveState') ?? 'unknown'} (${told.get('SubState') ?? ''}${told.get('Result') ? `, ${told.get('Result')}` : ''})`;
      return { file: written, running, words };
    },
    async remove() {
      return existsSync(file) ? takeAway() : null;
    },
  };
}

/** The unit file: a SIGTERM lets the node finish what it has, within {@link STOP_SECONDS}. */
export const unitOf = (
  { command, environment, folder }: ServiceDefinition,
  isRoot: boolean,
): string => `[Unit]
Description=edge-runner node
Documentation=https://www.npmjs.com/package/edge-runner
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
ExecStart=${command.map((word, i) => quoted(i === 0 ? word : word.replaceAll('$', '$$$$'))).join(' ')}
WorkingDirectory=${folderOf(folder)}
${Object.entries(environment)
  .map(([name, value]) => `Environment=${quoted(`${name}=${value}`)}\n`)
  .join('')}Restart=always
RestartSec=${RESTART_SECONDS}
KillMode=mixed
TimeoutStopSec=${STOP_SECONDS}
Nice=5

[Install]
WantedBy=${targetOf(isRoot)}
`;

const targetOf = (isRoot: boolean): string => (isRoot ? 'multi-user.target' : 'default.target');

/**
 * An item as systemd.syntax(7) and systemd.unit(5) read it: quotes, escapes and specifiers are what they look like.
 * Variables stand in arguments of a command alone (systemd.service(5)); everywhere else a `$` is a `$`.
 */
const quoted = (text: string): string =>
  `"${text
    .replace(/[\\"]/g, '\\$&')
    .replace(/\p{Cc}/gu, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .replaceAll('%', '%%')}"`;

/** Neither quoted nor unescaped (systemd.exec(5)); where no line can hold it, systemd looks itself where home is. */
const folderOf = (folder: string): string =>
  /\p{Cc}|[\s\\]$/u.test(folder) ? '~' : folder.replaceAll('%', '%%');

/** For which server a unit of ours works. */
const serverOf = (unit: string): string | undefined => /^ExecStart=.* "join" "([^"]+)"/m.exec(unit)?.[1];
