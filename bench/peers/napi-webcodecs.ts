import { join } from 'node:path';
import { runChild } from '../measure/child.ts';
import { PEERS, type Peer } from './peer.ts';

/** @napi-rs/webcodecs: the same API in Node. */
export const napiWebCodecs = (clip: string, bitrate: number, output: string): Peer => ({
  id: 'napi-webcodecs',
  what: '@napi-rs/webcodecs in Node',
  run: async () => {
    const began = performance.now();
    const script = join(PEERS, 'napi-webcodecs.mjs');
    const args = [script, clip, output, `${bitrate}`];
    const { status, stdout, stderr } = await runChild(process.execPath, args);
    if (status !== 0) throw new Error(`@napi-rs/webcodecs failed: ${stderr}`);
    return { fps: null, wallSeconds: (performance.now() - began) / 1000, frames: Number(stdout), output };
  },
});
