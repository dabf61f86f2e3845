/**
 * One field of a protobuf message. `value` is the number of a varint (exact up to 2^53, above it only its magnitude
 * is right: negative int64 come out near 1.8e19); `bytes` is the content of a length-delimited field. The other is
 * 0 or empty.
 */
export interface ProtobufField {
  number: number;
  value: number;
  bytes: Uint8Array;
}

/**
 * The fields of a message in the order of the file. Every length is checked against the bytes that there are, so a
 * truncated or hostile message ends in an error, never in a read past the end.
 * Source: https://protobuf.dev/programming-guides/encoding/
 * @throws {RangeError} when the bytes are no protobuf message.
 */
export function* protobufFields(message: Uint8Array): Generator<ProtobufField> {
  const cursor = { message, at: 0 };
  while (cursor.at < message.length) {
    const key = varint(cursor);
    const number = Math.floor(key / 8);
    if (number < 1 || number > MAX_FIELD_NUMBER) throw new RangeError(`field number ${number}`);
    const wire = key % 8;
    if (wire === VARINT) yield { number, value: varint(cursor), bytes: NOTHING };
    else if (wire === DELIMITED) yield { number, value: 0, bytes: take(cursor, varint(cursor)) };
    else if (wire === FIXED64) yield { number, value: 0, bytes: take(cursor, 8) };
    else if (wire === FIXED32) yield { number, value: 0, bytes: take(cursor, 4) };
    else throw new RangeError(`wire type ${wire}`);
  }
}

export const protobufText = (bytes: Uint8Array): string => utf8.decode(bytes);

const VARINT = 0;
const FIXED64 = 1;
const DELIMITED = 2;
const FIXED32 = 5;
const MAX_FIELD_NUMBER = 2 ** 29 - 1;
const NOTHING = new Uint8Array(0);
const utf8 = new TextDecoder();

interface Cursor {
  message: Uint8Array;
  at: number;
}

function varint(cursor: Cursor): number {
  let value = 0;
  let weight = 1;
  for (let length = 0; length < 10; length++) {
    if (cursor.at >= cursor.message.length) throw new RangeError('a number runs past the end');
    const byte = cursor.message[cursor.at++]!;
    value += (byte & 127) * weight;
    if (byte < 128) return value;
    weight *= 128;
  }
  throw new RangeError('a number of more than ten bytes');
}

function take(cursor: Cursor, length: number): Uint8Array {
  if (length > cursor.message.length - cursor.at) throw new RangeError('a field runs past the end');
  cursor.at += length;
  return cursor.message.subarray(cursor.at - length, cursor.at);
}
