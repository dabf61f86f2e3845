import type { LetterboxSpec } from '../../kernels/geometry.ts';
import type { OnnxHeader } from '../onnx-header.ts';

/** How a depth model's output is read. */
export interface DepthHead {
  /** Of the map, px; it covers the whole input. */
  width: number;
  height: number;
  /** `nearer`: inverse depth (MiDaS, Depth Anything); `farther`: depth. Scale and shift are unknown in both. */
  larger: 'nearer' | 'farther';
}

/** What the owner of a depth model knows of it and its file does not say. */
export interface DepthHints {
  larger: DepthHead['larger'];
  /** Samples as 0–1, or normalised by ImageNet's mean and deviation. */
  samples: 'unit' | 'imagenet';
}

/** Of a model that nobody knows: what MiDaS, DPT and Depth Anything have in common. */
export const USUAL_DEPTH: DepthHints = { larger: 'nearer', samples: 'imagenet' };

/**
 * Recognises a depth model: one picture in, one map of the same shape out, `[1, height, width]` or
 * `[1, 1, height, width]`, of the input's size or a whole part of it.
 * @param size that a model of any size is run at, px.
 * @returns null for anything else.
 */
export function depthHead(
  header: OnnxHeader,
  size: { width: number; height: number },
  larger: DepthHead['larger'],
): DepthHead | null {
  const dims = header.outputs[0]?.dims;
  if (!dims || (dims.length !== 3 && dims.length !== 4)) return null;
  if (dims.slice(0, -2).some((dim) => dim !== null && dim !== 1)) return null;
  // Named dimensions of an output are those of the input.
  const height = dims.at(-2) ?? size.height;
  const width = dims.at(-1) ?? size.width;
  if (width < 2 || height < 2) return null;
  const part = size.width / width;
  return Number.isInteger(part) && part <= 32 && size.height === height * part
    ? { width, height, larger }
    : null;
}

/** The letterbox of a depth model that has no registry entry. */
export function depthLetterbox(
  { width, height }: { width: number; height: number },
  samples: DepthHints['samples'],
): LetterboxSpec {
  const values: Pick<LetterboxSpec, 'mean' | 'scale'> =
    samples === 'unit'
      ? { mean: [0, 0, 0], scale: [1 / 255, 1 / 255, 1 / 255] }
      : { mean: [123.675, 116.28, 103.53], scale: [1 / 58.395, 1 / 57.12, 1 / 57.375] };
  return { width, height, placement: 'center', pad: 114, order: 'rgb', ...values };
}
