import { readdirSync, readFileSync } from 'node:fs';

/** How long killed processes may take to be gone, milliseconds. */
const GRACE = 3000;
/** Milliseconds between looks at a process group that is ending. */
const INTERVAL = 20;

/**
 * Kills a process group and waits until nothing of it runs. Helpers of a browser that was killed live a moment longer
 * than it and write on into its profile; they are of its group, which it leads. A group's end has no event, so it is
 * asked for.
 */
export async function endGroup(leader: number): Promise<void> {
  if (process.platform === 'win32') return;
  for (let waited = 0; waited < GRACE; waited += INTERVAL) {
    try {
      process.kill(-leader, 'SIGKILL');
    } catch {
      return;
    }
    if (process.platform === 'linux' && !runs(leader)) return;
    await new Promise((resolve) => setTimeout(resolve, INTERVAL));
  }
}

/** Whether any process of a group still runs: one that has ended counts as there until its parent has taken note. */
function runs(group: number): boolean {
  return readdirSync('/proc').some((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      // proc(5): after the command in brackets come state, parent, process group.
      const [state, , processGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return Number(processGroup) === group && state !== 'Z' && state !== 'X';
    } catch {
      return false;
    }
  });
}
