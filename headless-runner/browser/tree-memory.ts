import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';

interface Entry {
  pid: number;
  parent: number;
  bytes: number;
}

/** Bytes of memory that a process and all its descendants have; what they share counts for each. */
export async function treeMemory(root: number): Promise<number> {
  const entries = process.platform === 'linux' ? fromProc() : await fromPs();
  const members = new Set([root]);
  // Children come after their parents most of the time; twice round is enough for the rest.
  for (let turn = 0; turn < 2; turn++)
    for (const { pid, parent } of entries) if (members.has(parent)) members.add(pid);
  return entries.filter(({ pid }) => members.has(pid)).reduce((total, { bytes }) => total + bytes, 0);
}

const PAGE = 4096;

function fromProc(): Entry[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      // proc(5): after the command in brackets come state, parent; resident pages are the 24th field of all.
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return [{ pid: Number(name), parent: Number(fields[1]), bytes: Number(fields[21]) * PAGE }];
    } catch {
      // Gone since.
      return [];
    }
  });
}

async function fromPs(): Promise<Entry[]> {
  const { stdout } = await promisify(execFile)('ps', ['-axo', 'pid=,ppid=,rss=']);
  return stdout
    .trim()
    .split('\n')
    .map((line) => {
      const [pid = 0, parent = 0, kib = 0] = line.trim().split(/\s+/).map(Number);
      return { pid, parent, bytes: kib * 1024 };
    });
}
