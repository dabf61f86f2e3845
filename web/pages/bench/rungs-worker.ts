import type { BackendName } from '../../../protocol/index.ts';
import * as cpu from './rungs/cpu.ts';
import * as gpu from './rungs/gpu.ts';
import * as media from './rungs/media.ts';
import type { Rung, RungRequest, RungResult } from './rungs/request.ts';

type Work = (request: RungRequest) => Promise<RungResult>;

const of = (backend: typeof cpu | typeof gpu): Record<Rung, Work> => ({
  bare: media.bare,
  demux: media.demux,
  decode: media.decode,
  import: backend.importFrame,
  letterbox: backend.letterbox,
  infer: backend.infer,
  'infer-depth': backend.inferDepth,
  postprocess: backend.postprocess,
  draw: backend.draw,
  'frame-out': backend.frameOut,
  encode: media.encode,
  mux: media.mux,
});

const RUNGS: Record<BackendName, Record<Rung, Work>> = { cpu: of(cpu), webgpu: of(gpu) };

self.onmessage = async ({ data }: MessageEvent<RungRequest>) => {
  try {
    self.postMessage(await RUNGS[data.backend][data.rung](data));
  } catch (error) {
    self.postMessage({ error: error instanceof Error ? `${error.message}\n${error.stack}` : String(error) });
  }
};
