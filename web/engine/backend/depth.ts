import type { DepthMap, DepthPercentiles } from '../../../kernels/index.ts';
import type { DepthModel } from '../../../models/descriptor.ts';
import type { DepthStats } from '../../../protocol/index.ts';
import { EdgeRunnerError } from '../../../protocol/index.ts';
import { inWords, type OutputTensor } from './output-tensor.ts';

/** Depth of a frame, as events and files carry it. */
export interface FoundDepth {
  /** Null when the model's answer held no number. */
  stats: DepthStats | null;
  /** Of frames that were inferred, where maps are wanted. Without the letterbox's border. */
  map: DepthMap | null;
}

/** Five significant digits: more than any of these models means. */
export function toDepthStats(percentiles: DepthPercentiles | null): DepthStats | null {
  if (!percentiles) return null;
  const { p2, p50, p98, min, max } = percentiles;
  const rounded = (value: number) => Number(value.toPrecision(5));
  return { p2: rounded(p2), p50: rounded(p50), p98: rounded(p98), min: rounded(min), max: rounded(max) };
}

/** @throws {EdgeRunnerError} `model-shape` when a run's output is not what the descriptor says. */
export function checkDepthOutput<T extends OutputTensor>(
  tensor: T | undefined,
  { name, output }: DepthModel,
): T {
  const { width, height } = output.head;
  const found = tensor?.dims.reduce((a, b) => a * b, 1);
  if (tensor?.type === 'float32' && found === width * height && tensor.dims.at(-1) === width) return tensor;
  throw new EdgeRunnerError(
    'model-shape',
    `${name} answered with ${inWords(tensor, output.name)}, not with a float32 map of ${width}×${height}.`,
    'Export the model with static shapes and float32 outputs.',
  );
}
