import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { removeOldProfiles } from './old-profiles.ts';

it('removes profiles of browsers that are no more, and nothing else', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'edge-runner-profiles-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const { pid: gone } = spawnSync(process.execPath, ['-e', '']);
  const make = (name: string, lock?: string) => {
    mkdirSync(join(folder, name, 'Default'), { recursive: true });
    if (lock) symlinkSync(lock, join(folder, name, 'SingletonLock'));
  };
  make('edge-runner-aaaaaa', `${hostname()}-${gone}`);
  make('edge-runner-bbbbbb', `${hostname()}-${process.pid}`);
  make('edge-runner-cccccc', `another-machine-${gone}`);
  make('edge-runner-dddddd');
  make('edge-runner-db-aaaaaa', `${hostname()}-${gone}`);
  make('other-aaaaaa', `${hostname()}-${gone}`);
  await removeOldProfiles(folder);
  expect(readdirSync(folder).sort()).toEqual([
    'edge-runner-bbbbbb',
    'edge-runner-cccccc',
    'edge-runner-db-aaaaaa',
    'edge-runner-dddddd',
    'other-aaaaaa',
  ]);
});
