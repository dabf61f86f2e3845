import type { Affine } from '../color.ts';
import type { Picture } from '../picture.ts';

/** Bits of fraction of all that is blended: products of two such numbers fit into 32-bit integers. */
export const FRACTION_BITS = 15;
/** 1 with {@link FRACTION_BITS}. */
export const ONE = 1 << FRACTION_BITS;

/** The kind of samples that a picture has. */
export type SampleKind = Pick<Picture, 'color' | 'bits'>;

/** A layer as samples of the picture under it. Every pixel has all three components, whatever the subsampling. */
export interface Patch {
  width: number;
  height: number;
  /** 0 to {@link ONE}. */
  alpha: Uint16Array;
  /** Y, U, V or R, G, B times alpha, of which {@link ONE} is 2 to the power of the picture's bits. */
  components: [Uint16Array, Uint16Array, Uint16Array];
  spans: Spans;
}

/** The parts of a patch's rows that are not fully transparent. */
export interface Spans {
  /** Per row the index of its first span, and after the last row that of the end. */
  rows: Int32Array;
  /** Three numbers a span: first px, px after the last, and 1 where all of it is opaque. */
  list: Int32Array;
}

/** So that it yields 2 to the power of `bits` as {@link ONE}. */
export const scaled = (m: Affine, bits: number): Affine =>
  m.map((value) => value * 2 ** (FRACTION_BITS - bits));

/** The component of the greatest sample of so many bits. */
export const greatest = (bits: number): number => (2 ** bits - 1) * 2 ** (FRACTION_BITS - bits);
