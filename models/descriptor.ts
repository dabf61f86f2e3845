import type { LetterboxSpec } from '../kernels/geometry.ts';
import type { YoloHead } from '../kernels/yolo-decode/yolo-decode.cpu.ts';
import { EdgeRunnerError } from '../protocol/errors.ts';
import { type Adapter, type ModelShape, type Recognised, shapeError } from './adapters/adapter.ts';
import { type DepthHead, type DepthHints, depthHead, depthLetterbox, USUAL_DEPTH } from './adapters/depth.ts';
import { yolov8 } from './adapters/yolov8.ts';
import { yolox } from './adapters/yolox.ts';
import { CLASS_LISTS, classNames } from './class-names.ts';
import type { OnnxHeader, OnnxTensor } from './onnx-header.ts';
import type { RegistryEntry } from './registry.ts';

interface AnyModel {
  name: string;
  /** Lower-case hexadecimal. */
  sha256: string;
  bytes: number;
  /** As the registry, the owner or the file itself names it, else `unknown`. */
  licence: string;
  /** float32 [1, 3, height, width]. */
  input: { name: string; width: number; height: number; letterbox: LetterboxSpec };
}

export interface DetectModel extends AnyModel {
  task: 'detect';
  /** float32; its shape follows from the head. */
  output: { name: string; head: YoloHead };
  /** One name per class of the head. */
  classes: string[];
}

export interface DepthModel extends AnyModel {
  task: 'depth';
  /** float32 [1, height, width] or [1, 1, height, width]. */
  output: { name: string; head: DepthHead };
}

/** All that the engine needs to know of a model besides its bytes. Plain data: it crosses threads and sockets. */
export type ModelDescriptor = DetectModel | DepthModel;

/** The file that a header was read from. `name` may end in `.onnx`; the rest is what its owner says of it. */
export interface ModelFile {
  name: string;
  bytes: number;
  sha256: string;
  licence?: string;
  depth?: DepthHints;
}

/**
 * How a model is fed and how its output is read: from its registry entry where it has one, else by its shapes alone.
 * @throws {EdgeRunnerError} `model-shape`, saying which shapes were found and which are understood;
 *   `model-invalid` when its weights lie in another file.
 */
export function describeModel(
  header: OnnxHeader,
  entry: RegistryEntry | null,
  file: ModelFile,
): ModelDescriptor {
  const name = entry?.name ?? file.name.replace(/\.onnx$/i, '');
  if (header.externalData) throw weightsElsewhere(name);
  const shape = pictureModel(name, header);
  const any = {
    name,
    sha256: file.sha256,
    bytes: file.bytes,
    licence: entry?.licence ?? file.licence ?? header.metadata.get('license') ?? 'unknown',
  };
  const inputOf = (letterbox: LetterboxSpec) => ({
    name: header.inputs[0]!.name,
    width: letterbox.width,
    height: letterbox.height,
    letterbox,
  });
  const output = header.outputs[0]!.name;
  const detector = entry?.task === 'depth' || file.depth ? null : recogniseDetector(shape, entry);
  if (detector) {
    const { letterbox, head } = detector;
    const classes =
      entry?.task === 'detect' ? [...CLASS_LISTS[entry.classes]] : classNames(header, head.classes);
    return { ...any, task: 'detect', input: inputOf(letterbox), output: { name: output, head }, classes };
  }
  const depth = entry?.task === 'detect' ? null : recogniseDepth(shape, entry, file.depth ?? USUAL_DEPTH);
  if (!depth) throw notUnderstood(name, header);
  return {
    ...any,
    task: 'depth',
    input: inputOf(depth.letterbox),
    output: { name: output, head: depth.head },
  };
}

/** @throws {EdgeRunnerError} `model-task`, when a model does something else than what it is asked for. */
export function modelFor<T extends ModelDescriptor['task']>(
  task: T,
  model: ModelDescriptor,
): Extract<ModelDescriptor, { task: T }> {
  checkTask(task, model);
  return model as Extract<ModelDescriptor, { task: T }>;
}

/** @throws {EdgeRunnerError} `model-task`, of a model, or of an entry of the registry before its file is here. */
export function checkTask(
  task: ModelDescriptor['task'],
  model: Pick<ModelDescriptor, 'task' | 'name'>,
): void {
  if (model.task === task) return;
  throw new EdgeRunnerError(
    'model-task',
    model.task === 'depth'
      ? `${model.name} gives a map, as depth models do, and finds no objects.`
      : `${model.name} finds objects and estimates no depth.`,
    `Give it to the stage "${model.task}" (--${model.task}), or choose another model here.`,
  );
}

const ADAPTERS: Record<'yolox' | 'yolov8', Adapter> = { yolox, yolov8 };

function recogniseDetector(shape: ModelShape, entry: RegistryEntry | null): Recognised | null {
  const candidates = entry?.task === 'detect' ? [ADAPTERS[entry.adapter]] : Object.values(ADAPTERS);
  for (const adapter of candidates) {
    const recognised = shape.header.outputs[0]!.dims?.length === 3 ? adapter(shape) : null;
    if (!recognised) continue;
    const { width, height } = recognised.letterbox;
    if (width % 32 || height % 32 || width > MAX_SIDE || height > MAX_SIDE) return null;
    if (entry?.task !== 'detect') return recognised;
    const fits =
      width === entry.input.width &&
      height === entry.input.height &&
      recognised.head.classes === CLASS_LISTS[entry.classes].length;
    if (fits) return { letterbox: entry.input, head: recognised.head };
  }
  return null;
}

function recogniseDepth(
  { width, height, header }: ModelShape,
  entry: Extract<RegistryEntry, { task: 'depth' }> | null,
  { larger, samples }: DepthHints,
): { letterbox: LetterboxSpec; head: DepthHead } | null {
  const size = {
    width: width ?? entry?.input.width ?? ANY_DEPTH_SIZE,
    height: height ?? entry?.input.height ?? ANY_DEPTH_SIZE,
  };
  const head = depthHead(header, size, entry?.larger ?? larger);
  if (!head || size.width > MAX_SIDE || size.height > MAX_SIDE) return null;
  if (!entry) return { letterbox: depthLetterbox(size, samples), head };
  return size.width === entry.input.width && size.height === entry.input.height
    ? { letterbox: entry.input, head }
    : null;
}

/** px; what a depth model of any size is run at: whole patches of 14 and of 32. */
const ANY_DEPTH_SIZE = 448;

/** px; a larger input than this comes from a broken file. */
const MAX_SIDE = 8192;

/** The parts that all layouts share: one float32 picture [1, 3, H, W] in, one float32 tensor out. */
function pictureModel(name: string, header: OnnxHeader): ModelShape {
  const [input, ...otherInputs] = header.inputs;
  const [output, ...otherOutputs] = header.outputs;
  if (!input || !output || otherInputs.length || otherOutputs.length) throw notUnderstood(name, header);
  const [batch, channels, height, width] = input.dims ?? [];
  const [outputBatch, rows, columns] = output.dims ?? [];
  const understood =
    input.type === 'float' &&
    output.type === 'float' &&
    input.dims?.length === 4 &&
    (output.dims?.length === 3 || output.dims?.length === 4) &&
    (batch === null || batch === 1) &&
    (channels === null || channels === 3) &&
    (outputBatch === null || outputBatch === 1);
  if (!understood) throw notUnderstood(name, header);
  return { name, width: width!, height: height!, rows: rows!, columns: columns!, header };
}

const notUnderstood = (name: string, header: OnnxHeader) =>
  shapeError(
    `"${name}" takes ${list(header.inputs)} and gives ${list(header.outputs)}: no layout that is understood.`,
    'Understood are models with one float32 input [1, 3, height, width] and one float32 output: for detection YOLOX ' +
      '[1, anchors, 5 + classes] or YOLOv8/YOLO11 [1, 4 + classes, anchors], sides divisible by 32, exported without ' +
      'NMS; for depth [1, height, width] or [1, 1, height, width].',
  );

const weightsElsewhere = (name: string) =>
  new EdgeRunnerError(
    'model-invalid',
    `"${name}" keeps its weights in another file.`,
    'Save it as one file: onnx.save(onnx.load("model.onnx"), "whole.onnx").',
  );

/** `images float [1, 3, ?, ?]`; long lists are cut, because a hostile file may have thousands. */
const list = (tensors: OnnxTensor[]): string => {
  const shown = tensors.slice(0, 6).map((tensor) => {
    const dims = tensor.dims ? `[${tensor.dims.map((dim) => dim ?? '?').join(', ')}]` : 'of unknown shape';
    return `${tensor.name.slice(0, 60)} ${tensor.type} ${dims}`;
  });
  const rest = tensors.length - shown.length;
  return (shown.join(', ') || 'nothing') + (rest > 0 ? ` and ${rest} more` : '');
};
