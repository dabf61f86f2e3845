import { describe, expect, it } from 'vitest';
import { BytePeek } from './byte-peek.ts';
import { missingBytes, readMovie } from './isobmff.ts';

const peekOf = (bytes: Uint8Array) => new BytePeek(async (start, end) => bytes.subarray(start, end));

const box = (type: string, ...contents: (Buffer | number[])[]): Buffer => {
  const body = Buffer.concat(contents.map((content) => Buffer.from(content)));
  const header = Buffer.alloc(8);
  header.writeUInt32BE(8 + body.byteLength);
  header.write(type, 4, 'latin1');
  return Buffer.concat([header, body]);
};
const words = (...values: number[]) => values.flatMap((value) => [0, 0, 0, value]);
const largeBox = (type: string, size: bigint): Buffer => {
  const header = Buffer.alloc(16);
  header.writeUInt32BE(1);
  header.write(type, 4, 'latin1');
  header.writeBigUInt64BE(size, 8);
  return header;
};

const trak = (id: number, samples: number) =>
  box(
    'trak',
    box('tkhd', words(0, 0, 0, id)),
    box('mdia', box('minf', box('stbl', box('stsd'), box('stsz', words(0, 0, samples))))),
  );
const FTYP = box('ftyp', words(0, 0));

describe('the index of an MP4', () => {
  it('says where it is, also behind the media', async () => {
    const bytes = Buffer.concat([FTYP, box('mdat', Buffer.alloc(9000)), box('moov', trak(1, 3))]);
    await expect(readMovie(peekOf(bytes))).resolves.toEqual({
      position: FTYP.byteLength + 9008,
      fragmented: false,
      indexed: new Set([1]),
    });
  });

  it('tells the tracks that have samples in it from those that have them all in fragments', async () => {
    const moov = box('moov', box('mvhd', words(0)), trak(1, 15), trak(2, 0), box('mvex', box('trex')));
    await expect(readMovie(peekOf(Buffer.concat([FTYP, moov])))).resolves.toMatchObject({
      fragmented: true,
      indexed: new Set([1]),
    });
  });

  it('longer than what is read at a time is read all the same', async () => {
    const moov = box('moov', box('udta', Buffer.alloc(20_000)), trak(7, 1), box('mvex'));
    await expect(readMovie(peekOf(Buffer.concat([FTYP, moov])))).resolves.toMatchObject({
      fragmented: true,
      indexed: new Set([7]),
    });
  });

  it.each([
    { what: 'there is none', bytes: FTYP },
    { what: 'it is not all there', bytes: Buffer.concat([FTYP, box('moov', trak(1, 1)).subarray(0, 40)]) },
    { what: 'it goes on for ever', bytes: Buffer.from('00000000' + '6d6f6f76', 'hex') },
    { what: 'the file is empty', bytes: Buffer.alloc(0) },
    { what: 'a size makes no sense', bytes: Buffer.from('00000003' + '66747970', 'hex') },
  ])('is null when $what', async ({ bytes }) => {
    await expect(readMovie(peekOf(bytes))).resolves.toBe(null);
  });
});

describe('bytes that a file lacks at its end', () => {
  const whole = Buffer.concat([
    FTYP,
    box('moov'),
    box('moof', Buffer.alloc(50)),
    box('mdat', Buffer.alloc(99)),
  ]);
  const missing = (bytes: Uint8Array, limit = 100) => missingBytes(peekOf(bytes), bytes.byteLength, limit);

  it('are none when it is whole', async () => {
    await expect(missing(whole)).resolves.toBe(0);
  });

  it.each([1, 98, 99 + 8 + 30])('are %i of its last box', async (count) => {
    const inLast = count <= 99;
    await expect(missing(whole.subarray(0, whole.byteLength - count))).resolves.toBe(inLast ? count : 30);
  });

  it('are counted with a size of 64 bits', async () => {
    const bytes = Buffer.concat([FTYP, largeBox('mdat', 5_000_000_000n), Buffer.alloc(100)]);
    await expect(missing(bytes)).resolves.toBe(5_000_000_000 - 116);
  });

  it('are none of a box that goes on to the end, whatever the end', async () => {
    await expect(missing(Buffer.concat([FTYP, Buffer.from('00000000' + '6d646174', 'hex')]))).resolves.toBe(
      0,
    );
  });

  it('are not looked for beyond the limit', async () => {
    await expect(missing(whole.subarray(0, whole.byteLength - 5), 3)).resolves.toBe(0);
  });
});
