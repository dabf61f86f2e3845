import { dirname, join } from 'node:path';
import type { DepthModel, DetectModel, ModelDescriptor } from '../../models/descriptor.ts';
import { runChild } from '../measure/child.ts';
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
  /** A second network on every frame, and its file. */
  depth: { model: DepthModel; path: string } | null;
}

/** What the peer prints. */
interface Told {
  found: PeerDetection[][];
  /** Frames a second between the first and the last tenth of the frames. */
  steadyFps: number;
  /** Of all networks together, a frame. */
  networkMs: number;
}

/** No run of it takes a tenth of this, milliseconds. */
const PATIENCE = 300_000;

/** ffmpeg and native onnxruntime: what runs on a server today. */
export const nativeDetect = ({ model, path, depth, frames, ...job }: DetectJob): Peer => ({
  id: 'native',
  what: `ffmpeg + native onnxruntime + x264 veryfast${depth ? ' (which draws no depth)' : ''}`,
  run: async () => {
    const told = { ...inputOf(model, path), output: model.output.name, head: model.output.head };
    const second = depth && inputOf(depth.model, depth.path);
    const began = performance.now();
    const { status, signal, stdout, stderr } = await runChild(
      process.execPath,
      [
        join(PEERS, 'native-detect.mjs'),
        JSON.stringify({ ...job, frames: frames(), model: told, depth: second }),
      ],
      // onnxruntime leaves an empty log of its telemetry in the folder for temporary files.
      { timeout: PATIENCE, env: { ...process.env, TMPDIR: dirname(job.output) } },
    );
    if (status !== 0) throw new Error(`ffmpeg + onnxruntime failed: ${signal ?? ''}${stderr}`);
    const { found, steadyFps, networkMs } = JSON.parse(stdout) as Told;
    if (found.length !== frames()) throw new Error(`it looked at ${found.length} frames of ${frames()}`);
    const wallSeconds = (performance.now() - began) / 1000;
    return {
      ...{ fps: null, wallSeconds, frames: found.length, output: job.output, found },
      inside: { steadyFps, networkMs },
    };
  },
});

const inputOf = ({ input }: ModelDescriptor, path: string) => ({
  path,
  input: input.name,
  letterbox: input.letterbox,
});
