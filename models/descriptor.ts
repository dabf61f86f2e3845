import type { LetterboxSpec } from '../kernels/geometry.ts';
import type { YoloHead } from '../kernels/yolo-decode/yolo-decode.cpu.ts';
import { EdgeRunnerError } from '../protocol/errors.ts';
import { type Adapter, type DetectorShape, type Recognised, shapeError } from './adapters/adapter.ts';
import { yolov8 } from './adapters/yolov8.ts';
import { yolox } from './adapters/yolox.ts';
import { CLASS_LISTS, classNames } from './class-names.ts';
import type { OnnxHeader, OnnxTensor } from './onnx-header.ts';
import type { RegistryEntry } from './registry.ts';

/** All that the engine needs to know of a model besides its bytes. Plain data: it crosses threads and sockets. */
export interface ModelDescriptor {
  name: string;
  task: 'detect';
  /** Lower-case hexadecimal. */
  sha256: string;
  bytes: number;
  /** As the registry, the owner or the file itself names it, else `unknown`. */
  licence: string;
  /** float32 [1, 3, height, width]. */
  input: { name: string; width: number; height: number; letterbox: LetterboxSpec };
  /** float32; its shape follows from the head. */
  output: { name: string; head: YoloHead };
  /** One name per class of the head. */
  classes: string[];
}

/** The file that a header was read from. `name` may end in `.onnx`; `licence` is what its owner says it is. */
export interface ModelFile {
  name: string;
  bytes: number;
  sha256: string;
  licence?: string;
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
  const shape = detectorShape(name, header);
  const { letterbox, head } = recognise(shape, entry);
  return {
    name,
    task: 'detect',
    sha256: file.sha256,
    bytes: file.bytes,
    licence: entry?.licence ?? file.licence ?? header.metadata.get('license') ?? 'unknown',
    input: { name: header.inputs[0]!.name, width: letterbox.width, height: letterbox.height, letterbox },
    output: { name: header.outputs[0]!.name, head },
    classes: entry ? [...CLASS_LISTS[entry.classes]] : classNames(header, head.classes),
  };
}

const ADAPTERS: Record<RegistryEntry['adapter'], Adapter> = { yolox, yolov8 };

function recognise(shape: DetectorShape, entry: RegistryEntry | null): Recognised {
  const candidates = entry ? [ADAPTERS[entry.adapter]] : Object.values(ADAPTERS);
  for (const adapter of candidates) {
    const recognised = adapter(shape);
    if (!recognised) continue;
    const { width, height } = recognised.letterbox;
    if (width % 32 || height % 32 || width > MAX_SIDE || height > MAX_SIDE)
      throw notUnderstood(shape.name, shape.header);
    if (!entry) return recognised;
    const fits =
      width === entry.input.width &&
      height === entry.input.height &&
      recognised.head.classes === CLASS_LISTS[entry.classes].length;
    if (fits) return { letterbox: entry.input, head: recognised.head };
  }
  throw notUnderstood(shape.name, shape.header);
}

/** px; a larger input than this comes from a broken file. */
const MAX_SIDE = 8192;

/** The parts that all layouts share: one float32 picture [1, 3, H, W] in, one float32 tensor of rank 3 out. */
function detectorShape(name: string, header: OnnxHeader): DetectorShape {
  const [input, ...otherInputs] = header.inputs;
  const [output, ...otherOutputs] = header.outputs;
  if (!input || !output || otherInputs.length || otherOutputs.length) throw notUnderstood(name, header);
  const [batch, channels, height, width] = input.dims ?? [];
  const [outputBatch, rows, columns] = output.dims ?? [];
  const understood =
    input.type === 'float' &&
    output.type === 'float' &&
    input.dims?.length === 4 &&
    output.dims?.length === 3 &&
    (batch === null || batch === 1) &&
    (channels === null || channels === 3) &&
    (outputBatch === null || outputBatch === 1);
  if (!understood) throw notUnderstood(name, header);
  return { name, width: width!, height: height!, rows: rows!, columns: columns!, header };
}

const notUnderstood = (name: string, header: OnnxHeader) =>
  shapeError(
    `"${name}" takes ${list(header.inputs)} and gives ${list(header.outputs)}: no layout of a detector that is understood.`,
    'Understood are models with one float32 input [1, 3, height, width], sides divisible by 32, and one float32 ' +
      'output: YOLOX [1, anchors, 5 + classes] or YOLOv8/YOLO11 [1, 4 + classes, anchors], exported without NMS.',
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
