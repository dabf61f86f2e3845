import { EdgeRunnerError } from '../protocol/errors.ts';
import { protobufFields, protobufText } from './protobuf.ts';

/** A graph input or output. */
export interface OnnxTensor {
  name: string;
  /** ONNX's element type in lower case (`float`, `float16`, `uint8`, …); `other` for what is no tensor. */
  type: string;
  /** null for a dynamic dimension; the whole list is null where the file does not say even the rank. */
  dims: (number | null)[] | null;
}

/** What a model file says of itself, without its weights. */
export interface OnnxHeader {
  producer: string;
  /** Version of the default operator set. */
  opset: number;
  /** What must be fed: graph inputs that are initialisers are left out. */
  inputs: OnnxTensor[];
  outputs: OnnxTensor[];
  /** Kinds of operators that the graph uses at its top level. */
  operators: ReadonlySet<string>;
  /** Key and value pairs that the exporter wrote (`names`, `stride`, `task`, …). */
  metadata: ReadonlyMap<string, string>;
  /** True when weights lie in another file beside this one. */
  externalData: boolean;
}

/**
 * Reads the header of an ONNX file. Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 * @param file the whole file: the fields may stand in any order, weights between them.
 * @throws {EdgeRunnerError} `model-invalid` for anything that is no whole ONNX model: text, empty, truncated.
 */
export function readOnnxHeader(file: Uint8Array): OnnxHeader {
  if (file.length === 0) throw invalid('it is empty');
  try {
    return readModel(file);
  } catch (error) {
    if (error instanceof RangeError) throw invalid(error.message);
    throw error;
  }
}

const invalid = (why: string) =>
  new EdgeRunnerError(
    'model-invalid',
    `The file is not a whole ONNX model: ${why}.`,
    'Download or export the model again; a file that begins with text is a web page or a Git LFS pointer.',
  );

function readModel(file: Uint8Array): OnnxHeader {
  let irVersion = 0;
  let producer = '';
  let opset = 0;
  let graph: Graph | null = null;
  const metadata = new Map<string, string>();
  for (const { number, value, bytes } of protobufFields(file)) {
    if (number === 1) irVersion = value;
    else if (number === 2) producer = protobufText(bytes);
    else if (number === 7) graph = readGraph(bytes);
    else if (number === 8) opset = Math.max(opset, readOpset(bytes));
    else if (number === 14) {
      const [key, text] = readPair(bytes);
      metadata.set(key, text);
    }
  }
  if (irVersion < 1 || irVersion > 1000) throw new RangeError('it names no version of the format');
  if (!graph) throw new RangeError('it holds no graph');
  if (opset === 0) throw new RangeError('it names no operator set');
  if (graph.outputs.length === 0) throw new RangeError('its graph has no output');
  const { initializers, operators, externalData, outputs } = graph;
  const inputs = graph.inputs.filter((input) => !initializers.has(input.name));
  return { producer, opset, inputs, outputs, operators, metadata, externalData };
}

interface Graph {
  inputs: OnnxTensor[];
  outputs: OnnxTensor[];
  initializers: Set<string>;
  operators: Set<string>;
  externalData: boolean;
}

function readGraph(message: Uint8Array): Graph {
  const graph: Graph = {
    inputs: [],
    outputs: [],
    initializers: new Set(),
    operators: new Set(),
    externalData: false,
  };
  for (const { number, bytes } of protobufFields(message)) {
    if (number === 1) graph.operators.add(readText(bytes, 4));
    else if (number === 5) readInitializer(bytes, graph);
    // A sparse initialiser is named by its values tensor.
    else if (number === 15)
      for (const part of protobufFields(bytes)) {
        if (part.number === 1) readInitializer(part.bytes, graph);
      }
    else if (number === 11) graph.inputs.push(readValueInfo(bytes));
    else if (number === 12) graph.outputs.push(readValueInfo(bytes));
  }
  return graph;
}

/** TensorProto: name = 8, data_location = 14 with 1 for a file of its own. */
function readInitializer(message: Uint8Array, graph: Graph): void {
  for (const { number, value, bytes } of protobufFields(message)) {
    if (number === 8) graph.initializers.add(protobufText(bytes));
    else if (number === 14 && value === 1) graph.externalData = true;
  }
}

/** ValueInfoProto: name = 1, type = 2; TypeProto: tensor_type = 1; Tensor: elem_type = 1, shape = 2. */
function readValueInfo(message: Uint8Array): OnnxTensor {
  const tensor: OnnxTensor = { name: '', type: 'other', dims: null };
  for (const info of protobufFields(message)) {
    if (info.number === 1) tensor.name = protobufText(info.bytes);
    else if (info.number === 2)
      for (const type of protobufFields(info.bytes)) {
        if (type.number !== 1) continue;
        for (const field of protobufFields(type.bytes)) {
          if (field.number === 1) tensor.type = ELEMENT_TYPES[field.value] ?? `type ${field.value}`;
          else if (field.number === 2) tensor.dims = readShape(field.bytes);
        }
      }
  }
  return tensor;
}

/** TensorShapeProto: dim = 1; Dimension: dim_value = 1, dim_param = 2. Exporters also write 0 or −1 for "dynamic". */
function readShape(message: Uint8Array): (number | null)[] {
  const dims: (number | null)[] = [];
  for (const dim of protobufFields(message)) {
    if (dim.number !== 1) continue;
    let size: number | null = null;
    for (const { number, value } of protobufFields(dim.bytes)) {
      if (number === 1) size = value >= 1 && value < 2 ** 31 ? value : null;
    }
    dims.push(size);
    if (dims.length > 16) throw new RangeError('a tensor of more than 16 dimensions');
  }
  return dims;
}

/** OperatorSetIdProto: domain = 1 (absent or "ai.onnx" for the default set), version = 2. */
function readOpset(message: Uint8Array): number {
  let version = 0;
  for (const { number, value, bytes } of protobufFields(message)) {
    if (number === 2) version = value;
    else if (number === 1 && bytes.length > 0 && protobufText(bytes) !== 'ai.onnx') return 0;
  }
  return version;
}

/** StringStringEntryProto: key = 1, value = 2. */
const readPair = (message: Uint8Array): [string, string] => [readText(message, 1), readText(message, 2)];

function readText(message: Uint8Array, wanted: number): string {
  for (const { number, bytes } of protobufFields(message)) {
    if (number === wanted) return protobufText(bytes);
  }
  return '';
}

/** TensorProto.DataType */
const ELEMENT_TYPES: Record<number, string> = {
  1: 'float',
  2: 'uint8',
  3: 'int8',
  4: 'uint16',
  5: 'int16',
  6: 'int32',
  7: 'int64',
  8: 'string',
  9: 'bool',
  10: 'float16',
  11: 'double',
  12: 'uint32',
  13: 'uint64',
  16: 'bfloat16',
};
