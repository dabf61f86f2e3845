import type { BackendName, Codec } from '../../../../protocol/index.ts';

/** Both backends' names for the same work; `bare` is decode and encode with nothing of ours between. */
export const RUNGS = [
  'bare',
  'demux',
  'decode',
  'import',
  'letterbox',
  'infer',
  'infer-depth',
  'postprocess',
  'draw',
  'frame-out',
  'encode',
  'mux',
] as const;

export type Rung = (typeof RUNGS)[number];

export interface RungRequest {
  rung: Rung;
  backend: BackendName;
  token: string;
  origin: string;
  /** How long to do it for, and how long before that does not count. Seconds. */
  seconds: number;
  warmUp: number;
  codec: Codec;
  /** Bits per second. */
  bitrate: number;
  /** Names of the models that the server holds; null where none is asked for. */
  detect: string | null;
  depth: string | null;
}

export interface RungResult {
  frames: number;
  seconds: number;
  /** When the counted frames began and ended, milliseconds since 1970: the bench reads the processor's time by them. */
  began: number;
  ended: number;
  /** Milliseconds a frame by the GPU's own clock, where it has one. */
  gpuMs?: number;
}
