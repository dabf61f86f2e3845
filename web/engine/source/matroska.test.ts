import { describe, expect, it } from 'vitest';
import { BytePeek } from './byte-peek.ts';
import { findCut } from './matroska.ts';
import { applyPatches } from './patched-source.ts';

const cutOf = (bytes: Uint8Array) => {
  const read = async (start: number, end: number) => Uint8Array.from(bytes.subarray(start, end));
  return findCut(read, new BytePeek(read), bytes.byteLength);
};

const UNKNOWN = Buffer.from('01ffffffffffffff', 'hex');
const sizeOf = (size: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(size));
  bytes[0] = 0x01;
  return bytes;
};
const element = (id: string, body: Uint8Array, size: Buffer = sizeOf(body.byteLength)) =>
  Buffer.concat([Buffer.from(id, 'hex'), size, body]);
const head = element('1a45dfa3', Buffer.alloc(20));
const block = element('a3', Buffer.alloc(88, 1));
const children = Buffer.concat([element('e7', Buffer.from([5])), block, block, block]);
const cluster = element('1f43b675', children);
const film = (segmentSize?: Buffer) =>
  Buffer.concat([
    head,
    element('18538067', Buffer.concat([element('1549a966', Buffer.alloc(9)), cluster, cluster]), segmentSize),
  ]);
/** Children of a cluster up to its second block, and the cluster's header. */
const TWO_BLOCKS = 10 + 2 * 97;
const HEADER = 12;

describe('a Matroska file', () => {
  it.each([
    { what: 'with a size', bytes: film() },
    { what: 'without one, as a live stream has', bytes: film(UNKNOWN) },
    { what: 'that is none', bytes: Buffer.alloc(99, 7) },
    { what: 'that is empty', bytes: Buffer.alloc(0) },
  ])('$what is whole', async ({ bytes }) => {
    await expect(cutOf(bytes)).resolves.toBe(null);
  });

  it.each([
    { what: 'with a size', segment: undefined },
    { what: 'without one', segment: UNKNOWN },
  ])('$what, cut inside its last block, keeps the blocks before it', async ({ segment }) => {
    const bytes = film(segment).subarray(0, -10);
    const cut = (await cutOf(bytes))!;
    const start = film(segment).byteLength - cluster.byteLength;
    expect(cut).toMatchObject({ missing: 10, size: start + HEADER + TWO_BLOCKS });
    const shown = applyPatches(Uint8Array.from(bytes), 0, cut.patches).subarray(0, cut.size);
    const kept = element('1f43b675', children.subarray(0, TWO_BLOCKS));
    expect(Buffer.from(shown.subarray(start)).equals(kept)).toBe(true);
  });

  it('cut between two blocks loses none of them', async () => {
    const cut = (await cutOf(film().subarray(0, -97)))!;
    expect(cut).toMatchObject({ missing: 97, size: film().byteLength - 97 });
  });

  it('cut inside a block header keeps what is before it', async () => {
    const cut = (await cutOf(film().subarray(0, -94)))!;
    expect(cut).toMatchObject({ missing: 94, size: film().byteLength - 97 });
  });

  it('cut between two clusters needs no patch', async () => {
    const bytes = film().subarray(0, -cluster.byteLength);
    await expect(cutOf(bytes)).resolves.toEqual({
      missing: cluster.byteLength,
      size: bytes.byteLength,
      patches: [],
    });
  });

  it('whose clusters have no size is cut by showing less of it', async () => {
    const bytes = Buffer.concat([head, element('18538067', element('1f43b675', children, UNKNOWN), UNKNOWN)]);
    await expect(cutOf(bytes)).resolves.toBe(null);
    await expect(cutOf(bytes.subarray(0, -10))).resolves.toEqual({
      missing: 10,
      size: bytes.byteLength - 97,
      patches: [],
    });
  });

  it('with a cluster longer than the first tail that is read is cut the same', async () => {
    const long = element(
      '1f43b675',
      Buffer.concat([element('e7', Buffer.from([5])), element('a3', Buffer.alloc(200_000)), block]),
    );
    const bytes = Buffer.concat([head, element('18538067', long)]);
    const cut = (await cutOf(bytes.subarray(0, -5)))!;
    expect(cut).toMatchObject({ missing: 5, size: bytes.byteLength - block.byteLength });
  });
});

describe('patches', () => {
  it.each([
    { start: 0, length: 10, wanted: [0, 0, 0, 0, 7, 8, 9, 0, 0, 0] },
    { start: 5, length: 3, wanted: [8, 9, 0] },
    { start: 3, length: 2, wanted: [0, 7] },
    { start: 7, length: 2, wanted: [0, 0] },
  ])('are seen in the $length bytes from $start as far as they lie there', ({ start, length, wanted }) => {
    const patches = [{ position: 4, bytes: Uint8Array.of(7, 8, 9) }];
    expect([...applyPatches(new Uint8Array(length), start, patches)]).toEqual(wanted);
  });
});
