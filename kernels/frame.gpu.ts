import code from './frame.wgsl?raw';
import { orientedAxes } from './geometry.ts';
import type { Orientation } from './picture.ts';

/**
 * What a kernel samples its frame from: `external`, a `VideoFrame` imported for this one submit, or `texture`, a
 * 2D texture with float samples (still pictures, tests). Fixed when the kernel is built, as the shader differs.
 */
export type FrameKind = 'external' | 'texture';

export type FrameSource = GPUExternalTexture | GPUTextureView;

/** The declarations of frame.wgsl for one kind of frame; stands before a kernel's own code. */
export const frameCode = (kind: FrameKind): string =>
  code.replace('FRAME_TYPE', kind === 'external' ? 'texture_external' : 'texture_2d<f32>');

/** {@link orientedAxes} as the shader's `vec3u`. */
export function axesWords(orientation: Orientation): [swap: number, mirrorX: number, mirrorY: number] {
  const { swap, mirrorX, mirrorY } = orientedAxes(orientation);
  return [Number(swap), Number(mirrorX), Number(mirrorY)];
}

/** Bilinear and clamped, like the CPU twins. */
export const frameSampler = (device: GPUDevice): GPUSampler =>
  device.createSampler({ label: 'frame', magFilter: 'linear', minFilter: 'linear' });
