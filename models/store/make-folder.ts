import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/**
 * Makes a folder and what it lies in, where they are missing: one by one, since `recursive` does not end where a file
 * system refuses with "not there", as /proc does.
 * @param onMade told of each that was not there, outer ones first.
 * @throws as `mkdir`; EPERM for such a file system, ENOTDIR where a file lies in the way.
 */
export async function makeFolder(
  folder: string,
  mode = 0o777,
  onMade: (path: string) => void = () => {},
): Promise<void> {
  const missing: string[] = [];
  let there = resolve(folder);
  for (; !(await stat(there).catch(() => null)); there = dirname(there)) missing.unshift(there);
  if (!(await stat(there)).isDirectory())
    throw Object.assign(new Error(`${there} is no folder`), { code: 'ENOTDIR' });
  for (const path of missing) {
    await mkdir(path, { mode }).then(
      () => onMade(path),
      (error: NodeJS.ErrnoException) => {
        // Somebody else made it meanwhile.
        if (error.code === 'EEXIST') return;
        throw error.code === 'ENOENT' ? Object.assign(error, { code: 'EPERM' }) : error;
      },
    );
  }
}
