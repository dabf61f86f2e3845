import { open, stat } from 'node:fs/promises';
import { EdgeRunnerError } from '../../protocol/errors.ts';

/** What a file is by its first bytes; its name is not asked. */
export interface InputKind {
  kind: 'video' | 'picture' | 'audio';
  format:
    | 'mp4'
    | 'matroska'
    | 'mpegts'
    | 'jpeg'
    | 'png'
    | 'webp'
    | 'gif'
    | 'avif'
    | 'wav'
    | 'ogg'
    | 'flac'
    | 'mp3'
    | 'adts';
}

/**
 * Looks whether a file can be an input at all, before a browser is started for it. `video` is said of containers that
 * can hold video; whether there is a video track is found out when they are read.
 * @throws {EdgeRunnerError} `input-missing`, `input-folder`, `input-unreadable`, `input-empty`, `input-not-media`.
 */
export async function checkInputFile(path: string): Promise<InputKind> {
  const head = await readHead(path);
  const kind = sniff(head);
  if (kind) return kind;
  const known = REFUSED.find(({ matches }) => matches(head));
  if (known)
    throw new EdgeRunnerError(
      'input-not-media',
      `${path} is ${known.name}, which cannot be read.`,
      known.remedy,
    );
  throw new EdgeRunnerError(
    'input-not-media',
    `${path} is ${isText(head) ? 'text' : 'neither video nor a picture'}, whatever its name says.`,
    'Give an MP4, MOV, MKV, WebM or MPEG-TS file, or JPEG, PNG, WebP, AVIF or GIF pictures.',
  );
}

/** @param head the first bytes of a file, 4 KiB or all there are. @returns null for what is not read. */
export function sniff(head: Uint8Array): InputKind | null {
  for (const { kind, format, matches } of KNOWN) if (matches(head)) return { kind, format };
  return null;
}

const HEAD_BYTES = 4096;

async function readHead(path: string): Promise<Uint8Array> {
  try {
    const found = await stat(path);
    if (found.isDirectory())
      throw new EdgeRunnerError('input-folder', `${path} is a folder.`, 'Give a file, or the files in it.');
    if (!found.isFile())
      throw new EdgeRunnerError('input-unreadable', `${path} is not a file.`, 'Give "-" and pipe it in.');
    if (found.size === 0)
      throw new EdgeRunnerError('input-empty', `${path} is empty.`, 'Check how the file was made or copied.');
    const file = await open(path);
    try {
      const { buffer, bytesRead } = await file.read(new Uint8Array(HEAD_BYTES), 0, HEAD_BYTES, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof EdgeRunnerError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw new EdgeRunnerError('input-missing', `There is no file ${path}.`, 'Check the path.', {
        cause: error,
      });
    throw new EdgeRunnerError(
      'input-unreadable',
      `${path} cannot be read: ${code}.`,
      'Check its permissions.',
      {
        cause: error,
      },
    );
  }
}

type Matches = (head: Uint8Array) => boolean;

/** Latin-1 text at an offset. */
const at =
  (offset: number, ...texts: string[]): Matches =>
  (head) =>
    texts.some((text) => latin1(head, offset, text.length) === text);

const latin1 = (head: Uint8Array, offset: number, length: number): string =>
  String.fromCharCode(...head.subarray(offset, offset + length));

const all =
  (...conditions: Matches[]): Matches =>
  (head) =>
    conditions.every((matches) => matches(head));

/** MPEG-TS: the sync byte 0x47 at every packet; 192-byte packets of cameras begin with a time code. */
const syncEvery =
  (packet: number, first: number): Matches =>
  (head) => {
    if (head.length < first + packet && head.length !== packet) return false;
    for (let offset = first; offset < head.length; offset += packet) if (head[offset] !== 0x47) return false;
    return true;
  };

const transportStream: Matches = (head) => syncEvery(188, 0)(head) || syncEvery(192, 4)(head);

/** ISO BMFF begins with a box; old QuickTime files have no `ftyp`. */
const isobmff: Matches = (head) => {
  const size = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const boxes = at(4, 'ftyp', 'styp', 'moov', 'moof', 'mdat', 'free', 'skip', 'wide', 'sidx', 'pnot');
  return head.length >= 8 && boxes(head) && (size.getUint32(0) >= 8 || size.getUint32(0) < 2);
};

const brand = (...brands: string[]): Matches => all(at(4, 'ftyp'), at(8, ...brands));

const HEIC = brand('heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'mif1', 'msf1');

const KNOWN: (InputKind & { matches: Matches })[] = [
  { kind: 'picture', format: 'avif', matches: brand('avif', 'avis') },
  { kind: 'video', format: 'mp4', matches: (head) => isobmff(head) && !HEIC(head) },
  { kind: 'video', format: 'matroska', matches: at(0, '\x1a\x45\xdf\xa3') },
  { kind: 'picture', format: 'jpeg', matches: at(0, '\xff\xd8\xff') },
  { kind: 'picture', format: 'png', matches: at(0, '\x89PNG\r\n\x1a\n') },
  { kind: 'picture', format: 'gif', matches: at(0, 'GIF87a', 'GIF89a') },
  { kind: 'picture', format: 'webp', matches: all(at(0, 'RIFF'), at(8, 'WEBP')) },
  { kind: 'audio', format: 'wav', matches: all(at(0, 'RIFF', 'RF64'), at(8, 'WAVE')) },
  { kind: 'audio', format: 'ogg', matches: at(0, 'OggS') },
  { kind: 'audio', format: 'flac', matches: at(0, 'fLaC') },
  { kind: 'audio', format: 'adts', matches: at(0, '\xff\xf1', '\xff\xf9') },
  { kind: 'audio', format: 'mp3', matches: at(0, 'ID3', '\xff\xfb', '\xff\xfa', '\xff\xf3', '\xff\xf2') },
  { kind: 'video', format: 'mpegts', matches: transportStream },
];

const REPACK = 'Put it into an MP4 without encoding it again: ffmpeg -i INPUT -c copy OUTPUT.mp4.';
const CONVERT = 'Save it as JPEG, PNG, WebP or AVIF.';

/** Files that people try, by name: a better answer than "not media". */
const REFUSED: { name: string; matches: Matches; remedy: string }[] = [
  { name: 'an AVI file', matches: all(at(0, 'RIFF'), at(8, 'AVI ')), remedy: REPACK },
  { name: 'a Flash video', matches: at(0, 'FLV\x01'), remedy: REPACK },
  { name: 'a Windows Media file', matches: at(0, '\x30\x26\xb2\x75\x8e\x66\xcf\x11'), remedy: REPACK },
  { name: 'an MPEG program stream', matches: at(0, '\x00\x00\x01\xba'), remedy: REPACK },
  { name: 'an MXF file', matches: at(0, '\x06\x0e\x2b\x34'), remedy: REPACK },
  { name: 'a bare H.264 or HEVC stream', matches: at(0, '\x00\x00\x00\x01', '\x00\x00\x01'), remedy: REPACK },
  { name: 'an HLS playlist', matches: at(0, '#EXTM3U'), remedy: REPACK },
  { name: 'a HEIC picture', matches: HEIC, remedy: CONVERT },
  { name: 'a TIFF picture', matches: at(0, 'II*\x00', 'MM\x00*'), remedy: CONVERT },
  { name: 'a BMP picture', matches: all(at(0, 'BM'), at(6, '\x00\x00\x00\x00')), remedy: CONVERT },
];

/** The last character may be cut by the end of the head, which a stream does not mind. */
function isText(head: Uint8Array): boolean {
  if (head.includes(0)) return false;
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true });
    return true;
  } catch {
    return false;
  }
}
