import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { homedir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { askSystem, tellSystem } from './ask-system.ts';
import { RESTART_SECONDS, type ServiceDefinition, type ServiceManager, STOP_SECONDS } from './service.ts';

const UNIT = 'edge-runner.service';

/** systemd: the user's own manager, or for root the system's. */
export function systemd(isRoot = process.getuid?.() === 0): ServiceManager {
  const scope = isRoot ? [] : ['--user'];
  const file = isRoot
    ? join('/etc/systemd/system', UNIT)
    : join(process.env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'systemd/user', UNIT);
  const tell = (...args: string[]) => tellSystem('systemctl', [...scope, ...args]);
  return {
    async install(definition) {
      // Asked first: nothing is written where nobody would read it.
      await askSystem('systemctl', ['--version']);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, unitOf(definition, isRoot), { mode: 0o644 });
      await tell('daemon-reload');
      await tell('enable', UNIT);
      // One that runs already goes on with what was written now.
      await tell('restart', UNIT);
      const notes: string[] = [];
      if (!isRoot) {
        // Else it would start when its user logs in, and end when they log out.
        const { username } = userInfo();
        const { ok } = await askSystem('loginctl', ['enable-linger', username]).catch(() => ({ ok: false }));
        if (!ok)
          notes.push(
            `It runs only while ${username} is logged in; "sudo loginctl enable-linger ${username}" lets it run always.`,
          );
      }
      return { file, notes };
    },
    async status() {
      const names = ['LoadState', 'ActiveState', 'SubState', 'MainPID', 'ActiveEnterTimestamp', 'Result'];
      const { stdout } = await askSystem('systemctl', [
        ...scope,
        'show',
        UNIT,
        `--property=${names.join(',')}`,
      ]);
      const told = new Map(
        stdout.split('\n').map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]),
      );
      const running = told.get('ActiveState') === 'active';
      const words = running
        ? `running since ${told.get('ActiveEnterTimestamp')}, process ${told.get('MainPID')}`
        : `${told.get('ActiveState') ?? 'unknown'} (${told.get('SubState') ?? ''}${told.get('Result') ? `, ${told.get('Result')}` : ''})`;
      return { file: existsSync(file) ? file : null, running, words };
    },
    async remove() {
      if (!existsSync(file)) return false;
      await tell('disable', '--now', UNIT);
      await rm(file);
      await tell('daemon-reload');
      return true;
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
ExecStart=${command.map(quoted).join(' ')}
WorkingDirectory=${folder.replaceAll('%', '%%')}
${Object.entries(environment)
  .map(([name, value]) => `Environment=${quoted(`${name}=${value}`)}\n`)
  .join('')}Restart=always
RestartSec=${RESTART_SECONDS}
KillMode=mixed
TimeoutStopSec=${STOP_SECONDS}
Nice=5

[Install]
WantedBy=${isRoot ? 'multi-user' : 'default'}.target
`;

/** As systemd.syntax(7) reads it: backslashes, quotes, specifiers and variables are what they look like. */
const quoted = (text: string): string =>
  `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%').replaceAll('$', '$$$$')}"`;
