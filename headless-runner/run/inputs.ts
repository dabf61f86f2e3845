import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { EdgeRunnerError } from '../../protocol/index.ts';
import { checkInputFile } from '../inspect/sniff.ts';

/** What one job reads: a clip, or all still pictures together. */
export type RunInput =
  | { kind: 'file'; path: string; name: string }
  | { kind: 'url'; url: string; name: string }
  | { kind: 'stdin'; name: string }
  | { kind: 'pattern'; width: number; height: number; fps: number; frames: number; name: string }
  | { kind: 'street'; seed: number; width: number; height: number; fps: number; frames: number; name: string }
  | { kind: 'pictures'; paths: string[]; name: string };

/** What the INPUT arguments came to, and why some of several came to nothing. */
export interface Inputs {
  inputs: RunInput[];
  refused: EdgeRunnerError[];
}

/**
 * Sorts the INPUT arguments: addresses, `-`, test patterns, files and folders by what is in them. Pictures make one
 * job together; every clip is one of its own. One of several files that is of no use does not stop the others.
 * @throws {EdgeRunnerError} `input-missing`, `input-empty`, `input-not-media` when nothing is left; `usage`,
 *   `option-invalid`
 */
export async function readInputs(args: string[]): Promise<Inputs> {
  const pictures: string[] = [];
  const clips: RunInput[] = [];
  const refused: EdgeRunnerError[] = [];
  for (const arg of args) {
    if (arg === '-') clips.push({ kind: 'stdin', name: 'stdin' });
    else if (/^https?:\/\//i.test(arg)) clips.push({ kind: 'url', url: readUrl(arg), name: nameOfUrl(arg) });
    else if (arg.startsWith('pattern:')) clips.push(readPattern(arg));
    else if (/^[a-z][a-z0-9+.-]+:\/\//i.test(arg)) throw unknownAddress(arg);
    else {
      const files = await expand(arg).catch((error: unknown) => refuse(error, refused));
      for (const path of files ?? []) {
        const kind = await pictureOrVideo(path).catch((error: unknown) => refuse(error, refused));
        if (kind === 'picture') pictures.push(resolve(path));
        else if (kind === 'video') clips.push({ kind: 'file', path: resolve(path), name: basename(path) });
      }
    }
  }
  if (clips.filter(({ kind }) => kind === 'stdin').length > 1) {
    throw new EdgeRunnerError('usage', 'Standard input can be read once only.', 'Give "-" one time.');
  }
  const inputs: RunInput[] =
    pictures.length > 0 ? [...clips, { kind: 'pictures', paths: pictures, name: 'pictures' }] : clips;
  if (inputs.length === 0 && refused.length > 0) throw refused[0]!;
  return { inputs, refused };
}

function refuse(error: unknown, refused: EdgeRunnerError[]): null {
  if (!(error instanceof EdgeRunnerError)) throw error;
  refused.push(error);
  return null;
}

async function pictureOrVideo(path: string): Promise<'video' | 'picture'> {
  const { kind, format } = await checkInputFile(path);
  if (kind !== 'audio') return kind;
  throw new EdgeRunnerError(
    'input-no-video',
    `${path} holds sound only (${format}).`,
    'Give a file with video; edge-runner works on pictures.',
  );
}

const unknownAddress = (arg: string) =>
  new EdgeRunnerError(
    'option-invalid',
    `Addresses like ${arg} are not read.`,
    'Give an http or https address, or pipe the bytes in: curl … | edge-runner run - …',
  );

/** The media files of a folder, by name; a file is itself. */
async function expand(path: string): Promise<string[]> {
  const entry = await stat(path).catch(() => null);
  if (!entry?.isDirectory()) return [path];
  const files = (await readdir(path, { withFileTypes: true }))
    .filter((file) => file.isFile() && MEDIA_EXTENSION.test(file.name))
    .map((file) => join(path, file.name))
    .sort();
  if (files.length > 0) return files;
  throw new EdgeRunnerError(
    'input-folder',
    `${path} is a folder without a video or picture in it.`,
    'Give a media file, or a folder that holds some.',
  );
}

const MEDIA_EXTENSION = /\.(mp4|m4v|mov|mkv|webm|ts|m2ts|jpe?g|png|webp|avif|gif)$/i;

function readUrl(text: string): string {
  if (URL.canParse(text)) return text;
  throw new EdgeRunnerError(
    'option-invalid',
    `"${text}" is no valid address.`,
    'Give an address such as https://example.com/clip.mp4.',
  );
}

const nameOfUrl = (url: string) => basename(new URL(url).pathname) || new URL(url).hostname;

/** `pattern:640x360@30:300`: size, frames a second, number of frames. */
function readPattern(text: string): RunInput {
  const match = /^pattern:(\d+)x(\d+)@(\d+(?:\.\d+)?):(\d+)$/.exec(text);
  const [width = 0, height = 0, fps = 0, frames = 0] = (match ?? []).slice(1).map(Number);
  const fits =
    Math.min(width, height) >= 16 && Math.max(width, height) <= 16384 && fps > 0 && fps <= 240 && frames >= 1;
  if (!match || !fits) {
    throw new EdgeRunnerError(
      'option-invalid',
      `"${text}" is no test pattern.`,
      'Give pattern:WIDTHxHEIGHT@FPS:FRAMES, such as pattern:640x360@30:300; 16 to 16384 pixels, up to 240 frames a second.',
    );
  }
  return { kind: 'pattern', width, height, fps, frames, name: 'pattern' };
}
