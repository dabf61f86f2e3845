import { execFileSync, spawnSync } from 'node:child_process';

/** Runs ffmpeg; its complaint is the error's. */
export function ffmpeg(args: string[]): void {
  const { status, stderr } = spawnSync('ffmpeg', ['-v', 'error', '-nostdin', '-y', ...args], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`ffmpeg ${args.join(' ')}\n${stderr}`);
}

/** What ffmpeg has to say against a file while it decodes all of it. */
export function complaintsAbout(path: string): string {
  const { stderr } = spawnSync(
    'ffmpeg',
    ['-v', 'warning', '-nostdin', '-i', path, '-map', '0', '-f', 'null', '-'],
    { encoding: 'utf8' },
  );
  return stderr;
}

/** Raw samples of the shown frames, one buffer a frame. */
export function rawFrames(
  path: string,
  { width, height, format = 'rgb24', filter, extra = [] }: RawOptions,
): Buffer[] {
  const bytes = execFileSync(
    'ffmpeg',
    [
      ...['-v', 'error', '-nostdin', ...extra, '-i', path, '-map', '0:v:0'],
      ...(filter ? ['-vf', filter] : []),
      ...['-fps_mode', 'passthrough', '-f', 'rawvideo', '-pix_fmt', format, '-'],
    ],
    { maxBuffer: 1 << 30 },
  );
  const size = width * height * BYTES[format];
  if (bytes.byteLength % size !== 0)
    throw new Error(`${path}: ${bytes.byteLength} bytes are no whole frames of ${width}×${height}`);
  return Array.from({ length: bytes.byteLength / size }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}

/** Bytes a pixel. */
const BYTES = { rgb24: 3, gray: 1, gray16le: 2 };

export interface RawOptions {
  /** Of the frames as ffmpeg shows them, rotation applied. */
  width: number;
  height: number;
  format?: keyof typeof BYTES;
  filter?: string;
  /** Options before the input. */
  extra?: string[];
}
