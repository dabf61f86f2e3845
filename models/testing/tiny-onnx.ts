/** A graph input or output to write; strings are names of dynamic dimensions. */
export interface TensorSpec {
  name?: string;
  /** ONNX's number of the element type; 1 is float32. */
  type?: number;
  dims: (number | string)[] | null;
}

export interface TinyModel {
  inputs: TensorSpec[];
  outputs: TensorSpec[];
  /** Names; each is also written with the `bytes` given, so that a file can be made large. */
  initializers?: { name: string; bytes?: number; external?: true }[];
  operators?: string[];
  metadata?: Record<string, string>;
  opset?: number;
}

/** Writes an ONNX file of headers only, field by field, so that tests need no model and no library. */
export function tinyOnnx(model: TinyModel): Uint8Array<ArrayBuffer> {
  const graph = message(
    ...(model.operators ?? ['Conv']).map((operator) => field(1, message(field(4, text(operator))))),
    field(2, text('tiny')),
    ...(model.initializers ?? []).map((tensor) =>
      field(
        5,
        message(
          number(2, 1),
          field(8, text(tensor.name)),
          field(9, new Uint8Array(tensor.bytes ?? 4)),
          ...(tensor.external ? [number(14, 1)] : []),
        ),
      ),
    ),
    ...model.inputs.map((tensor, index) => field(11, valueInfo(tensor, `input${index}`))),
    ...model.outputs.map((tensor, index) => field(12, valueInfo(tensor, `output${index}`))),
  );
  return message(
    number(1, 8),
    field(2, text('tiny')),
    field(7, graph),
    field(8, message(field(1, text('')), number(2, model.opset ?? 17))),
    ...Object.entries(model.metadata ?? {}).map(([key, value]) =>
      field(14, message(field(1, text(key)), field(2, text(value)))),
    ),
  );
}

/** YOLOX of 64×64: 8² + 4² + 2² anchors, 80 classes. */
export const tinyYolox = (changes: Partial<TinyModel> = {}): Uint8Array<ArrayBuffer> =>
  tinyOnnx({
    inputs: [{ name: 'images', dims: [1, 3, 64, 64] }],
    outputs: [{ name: 'output', dims: [1, 84, 85] }],
    ...changes,
  });

function valueInfo({ name, type, dims }: TensorSpec, otherwise: string): Uint8Array<ArrayBuffer> {
  const shape = dims?.map((dim) => field(1, typeof dim === 'number' ? number(1, dim) : field(2, text(dim))));
  const tensor = message(number(1, type ?? 1), ...(shape ? [field(2, message(...shape))] : []));
  return message(field(1, text(name ?? otherwise)), field(2, message(field(1, tensor))));
}

const text = (value: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(value);

const field = (id: number, content: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> =>
  message(varint(id * 8 + 2), varint(content.length), content);

const number = (id: number, value: number): Uint8Array<ArrayBuffer> => message(varint(id * 8), varint(value));

/** Negative numbers are written as protobuf does, in ten bytes. */
function varint(value: number): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Uint8Array.from([...bytes, Number(rest)]);
}

function message(...parts: Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
