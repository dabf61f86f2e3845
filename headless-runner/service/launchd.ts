import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { askSystem, noManager, saidBy, tellSystem, trySystem } from './ask-system.ts';
import {
  RESTART_SECONDS,
  replacing,
  type ServiceDefinition,
  type ServiceManager,
  STOP_SECONDS,
} from './service.ts';

const LABEL = 'dev.edge-runner.node';

/** launchd: an agent of the user's, since a GPU on macOS is lent to whoever is logged in. */
export function launchd(uid = process.getuid?.() ?? 0): ServiceManager {
  const domain = `gui/${uid}`;
  const file = join(homedir(), 'Library/LaunchAgents', `${LABEL}.plist`);
  const log = join(homedir(), 'Library/Logs/edge-runner.log');

  /** @returns what could not be done, in words. */
  async function takeAway(): Promise<string[]> {
    const stopped = await trySystem('launchctl', ['bootout', `${domain}/${LABEL}`]);
    await rm(file, { force: true });
    // It fails too for one that is not loaded, which is as good as stopped.
    const loaded = !stopped.ok && (await trySystem('launchctl', ['print', `${domain}/${LABEL}`])).ok;
    return loaded ? [`it could not be stopped: ${saidBy(stopped)}`] : [];
  }

  /** The one that was there before, as far as that can be had. */
  async function putBack(before: string): Promise<void> {
    await writeFile(file, before);
    await trySystem('launchctl', ['bootstrap', domain, file]);
  }

  return {
    async check() {
      const asked = await askSystem('launchctl', ['print', domain]);
      if (!asked.ok)
        throw noManager(
          `launchd has no session of this user's to start a service in: ${saidBy(asked)}.`,
          'Log in at the screen of this machine once, as this user.',
        );
    },
    async install(definition) {
      const before = await readFile(file, 'utf8').catch(() => null);
      const agent = agentOf(definition, log);
      try {
        await mkdir(dirname(file), { recursive: true });
        await mkdir(dirname(log), { recursive: true });
        await writeFile(file, agent, { mode: 0o644 });
        // One that is there goes first: it would keep what it was loaded with.
        await askSystem('launchctl', ['bootout', `${domain}/${LABEL}`]);
        await tellSystem('launchctl', ['bootstrap', domain, file]);
      } catch (error) {
        await (before === null ? takeAway() : putBack(before)).catch(() => {});
        throw error;
      }
      const notes = before === null ? [] : replacing(serverOf(before), serverOf(agent));
      return { file, notes: [...notes, `What it says goes to ${log}.`] };
    },
    async status() {
      const { ok, stdout } = await askSystem('launchctl', ['print', `${domain}/${LABEL}`]);
      const told = (name: string) => new RegExp(`^\\s*${name} = (.+)$`, 'm').exec(stdout)?.[1];
      const running = ok && told('state') === 'running';
      const words = running
        ? `running, process ${told('pid')}`
        : ok
          ? `${told('state')}, last exit code ${told('last exit code') ?? 'unknown'}`
          : 'not loaded';
      return { file: existsSync(file) ? file : null, running, words };
    },
    async remove() {
      return existsSync(file) ? takeAway() : null;
    },
  };
}

/** The property list of the agent (launchd.plist(5)). */
export const agentOf = (
  { command, environment, folder }: ServiceDefinition,
  log: string,
): string => `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>${LABEL}</string>
  <key>ProgramArguments</key>
  <array>
${command.map((word) => `    <string>${escaped(word)}</string>\n`).join('')}  </array>
  <key>WorkingDirectory</key>
  <string>${escaped(folder)}</string>
  <key>EnvironmentVariables</key>
  <dict>
${Object.entries(environment)
  .map(([name, value]) => `    <key>${escaped(name)}</key>\n    <string>${escaped(value)}</string>\n`)
  .join('')}  </dict>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <true/>
  <key>ThrottleInterval</key>
  <integer>${RESTART_SECONDS}</integer>
  <key>ExitTimeOut</key>
  <integer>${STOP_SECONDS}</integer>
  <key>ProcessType</key>
  <string>Background</string>
  <key>StandardOutPath</key>
  <string>${escaped(log)}</string>
  <key>StandardErrorPath</key>
  <string>${escaped(log)}</string>
</dict>
</plist>
`;

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** For which server an agent of ours works. */
const serverOf = (agent: string): string | undefined =>
  /<string>join<\/string>\s*<string>([^<]+)</.exec(agent)?.[1];
