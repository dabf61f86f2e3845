import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { DetectModel } from '../../models/descriptor.ts';
import { PEERS, type Peer, type PeerDetection } from './peer.ts';

export interface DetectJob {
  clip: string;
  output: string;
  frames: () => number;
  width: number;
  height: number;
  bitrate: number;
  minScore: number;
  iou: number;
  model: DetectModel;
  /** The model's file. */
  path: string;
}

/** No run of it takes a tenth of this, milliseconds. */
const PATIENCE = 300_000;

/** ffmpeg and native onnxruntime: what runs on a server today. */
export const nativeDetect = ({ model, path, frames, ...job }: DetectJob): Peer => ({
  id: 'native',
  what: 'ffmpeg + native onnxruntime + x264 veryfast',
  run: async () => {
    const { letterbox } = model.input;
    const told = {
      path,
      input: model.input.name,
      output: model.output.name,
      head: model.output.head,
      letterbox,
    };
    const began = performance.now();
    const { status, signal, stdout, stderr } = spawnSync(
      process.execPath,
      [join(PEERS, 'native-detect.mjs'), JSON.stringify({ ...job, frames: frames(), model: told })],
      { encoding: 'utf8', maxBuffer: 1 << 28, timeout: PATIENCE },
    );
    if (status !== 0) throw new Error(`ffmpeg + onnxruntime failed: ${signal ?? ''}${stderr}`);
    const found = JSON.parse(stdout) as PeerDetection[][];
    if (found.length !== frames()) throw new Error(`it looked at ${found.length} frames of ${frames()}`);
    const wallSeconds = (performance.now() - began) / 1000;
    return { fps: null, wallSeconds, frames: found.length, output: job.output, found };
  },
});
