import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { PEERS, type Peer } from './peer.ts';

/** @napi-rs/webcodecs: the same API in Node. */
export const napiWebCodecs = (clip: string, bitrate: number, output: string): Peer => ({
  id: 'napi-webcodecs',
  what: '@napi-rs/webcodecs in Node',
  run: async () => {
    const began = performance.now();
    const script = join(PEERS, 'napi-webcodecs.mjs');
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, clip, output, `${bitrate}`], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`@napi-rs/webcodecs failed: ${stderr}`);
    return { fps: null, wallSeconds: (performance.now() - began) / 1000, frames: Number(stdout), output };
  },
});
