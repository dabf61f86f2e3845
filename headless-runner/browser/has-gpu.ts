import { existsSync, readdirSync } from 'node:fs';

/** Whether the system shows a GPU at all; whether the browser can use it, only its adapter tells. */
export function hasGpu(): boolean {
  if (process.platform !== 'linux') return true;
  if (existsSync('/dev/nvidia0') || existsSync('/dev/dxg')) return true;
  try {
    return readdirSync('/dev/dri').some((name) => name.startsWith('renderD'));
  } catch {
    return false;
  }
}
