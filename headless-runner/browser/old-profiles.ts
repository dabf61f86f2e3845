import { readdir, readlink, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';

/** Of the folders that `launchBrowser` makes. */
const PROFILE = /^edge-runner-[A-Za-z0-9]{6}$/;

/**
 * Removes the profiles of browsers whose command was killed before it could: those whose lock names a process of this
 * machine that is no more.
 */
export async function removeOldProfiles(folder = tmpdir()): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((one) => PROFILE.test(one))) {
    const profile = join(folder, name);
    // Chromium's own: a link to "HOST-PID".
    const lock = await readlink(join(profile, 'SingletonLock')).catch(() => '');
    const [, host, pid] = /^(.*)-(\d+)$/.exec(lock) ?? [];
    if (host === hostname() && !runs(Number(pid)))
      await rm(profile, { recursive: true, force: true }).catch(() => {});
  }
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's runs too.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
