import {
  BACKENDS,
  type BackendChoice,
  CODECS,
  type Codec,
  EdgeRunnerError,
  encoderClass,
  LAYOUTS,
  type Layout,
  LEAST_SEGMENT_SECONDS,
  MOST_SEGMENT_SECONDS,
  QUALITIES,
  type Quality,
} from '../../protocol/index.ts';

/** What the command line says of a job, read and checked; the same words for one here and for one on a grid. */
export interface JobOptions {
  output?: string;
  detect?: string;
  classes?: string[];
  minScore?: number;
  iou?: number;
  every?: number;
  track?: boolean;
  zones?: string;
  depth?: string;
  layout?: Layout;
  depthRaw?: string;
  overlay: boolean;
  events?: string;
  stats?: string;
  codec?: Codec;
  bitrate?: number;
  quality?: Quality;
  size?: { width: number; height: number };
  start?: number;
  end?: number;
  backend: BackendChoice;
  header: Record<string, string>;
  realtime: boolean;
  strict: boolean;
  json: boolean;
}

const invalid = (option: string, value: string, wanted: string) =>
  new EdgeRunnerError('option-invalid', `${option} does not take "${value}".`, `Give ${wanted}.`);

/** Bits per second from `4M`, `800k` or `4000000`. */
export function readBitrate(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([kM]?)$/.exec(text);
  const bits = match
    ? Math.round(Number(match[1]) * { '': 1, k: 1e3, M: 1e6 }[match[2]! as '' | 'k' | 'M'])
    : 0;
  if (bits < 1000 || bits > 1e9)
    throw invalid('--bitrate', text, 'bits per second from 1k to 1000M, such as 4M or 800k');
  return bits;
}

/** Width and height from `1280x720`. */
export function readSize(text: string): { width: number; height: number } {
  const match = /^(\d+)x(\d+)$/.exec(text);
  const [width, height] = [Number(match?.[1]), Number(match?.[2])];
  if (!match || width < 16 || height < 16 || width > 16384 || height > 16384) {
    throw invalid('--size', text, 'WIDTHxHEIGHT in pixels from 16 to 16384, such as 1280x720');
  }
  return { width, height };
}

/** Seconds from `3.5` or `1:02:03.5`. */
export function readTime(option: string): (text: string) => number {
  return (text) => {
    const match = /^(?:(?:(\d+):)?(\d{1,2}):)?(\d+(?:\.\d+)?)$/.exec(text);
    if (!match) throw invalid(option, text, 'seconds (3.5) or hours:minutes:seconds (1:02:03.5)');
    return Number(match[1] ?? 0) * 3600 + Number(match[2] ?? 0) * 60 + Number(match[3]);
  };
}

/** Engines side by side in one browser, at most: each wants some 100 MB, and cores of its own. */
export const MOST_JOBS = 16;

/** Seconds of a segment, or that there is one only. */
export type SegmentLength = number | 'whole';

/** Reads a {@link SegmentLength}. Not null for the whole: of that the reader of options makes an empty text. */
export function readSegment(text: string): SegmentLength {
  if (text === 'whole') return text;
  const match = /^(\d+(?:\.\d+)?)s?$/.exec(text);
  const seconds = Number(match?.[1]);
  if (!match || seconds < LEAST_SEGMENT_SECONDS || seconds > MOST_SEGMENT_SECONDS)
    throw invalid(
      '--segment',
      text,
      `seconds from ${LEAST_SEGMENT_SECONDS} to ${MOST_SEGMENT_SECONDS}, such as 10s, or whole`,
    );
  return seconds;
}

/** What stands for all encoders of one class, for any, or for those of a class by its name. */
export function readEncoderClass(text: string): string {
  if (text === 'one' || text === 'any' || encoderClass.safeParse(text).success) return text;
  throw invalid('--encoder-class', text, 'one, any, or a class as the list of nodes names it');
}

/** A number from 0 to 1. */
export function readShare(option: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !(value >= 0 && value <= 1))
      throw invalid(option, text, 'a number from 0 to 1');
    return value;
  };
}

/** A whole number, `least` or more. */
export function readCount(option: string, least: number, most = 2 ** 31 - 1): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw invalid(option, text, `a whole number from ${least} to ${most}`);
    return value;
  };
}

/** A number above 0, up to `most`. */
export function readPositive(option: string, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !(value > 0 && value <= most))
      throw invalid(option, text, `a number above 0, up to ${most}`);
    return value;
  };
}

export function readClasses(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.some((name) => name === ''))
    throw invalid('--classes', text, 'class names with commas between, such as person,car');
  return names;
}

/** Collects `Name: value` headers. */
export function readHeader(text: string, before: Record<string, string> = {}): Record<string, string> {
  const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*([\t\x20-\x7e]*)$/.exec(text);
  if (!match) throw invalid('--header', text, 'a header as "Name: value"');
  return { ...before, [match[1]!]: match[2]! };
}

/** One of a few words. */
export const oneOf =
  <T extends string>(option: string, values: readonly T[]) =>
  (text: string): T => {
    const value = values.find((known) => known === text);
    if (value === undefined) throw invalid(option, text, `one of ${values.join(', ')}`);
    return value;
  };

export const readCodec = oneOf<Codec>('--codec', CODECS);
export const readLayout = oneOf<Layout>('--layout', LAYOUTS);
export const readQuality = oneOf<Quality>('--quality', QUALITIES);
export const readBackend = oneOf<BackendChoice>('--backend', BACKENDS);

/** Options that need another one, as they are spelled. */
const SPELLED = {
  classes: '--classes',
  minScore: '--min-score',
  iou: '--iou',
  every: '--every',
  track: '--track',
  zones: '--zones',
  layout: '--layout',
  depthRaw: '--depth-raw',
} as const;

/** What no single option can see. @throws {EdgeRunnerError} `option-invalid`, `usage` */
export function checkTogether(options: JobOptions): void {
  const clash = (message: string, remedy: string) => new EdgeRunnerError('option-invalid', message, remedy);
  if (options.start !== undefined && options.end !== undefined && options.end <= options.start) {
    throw clash('--end is not after --start.', 'Give an --end later than --start.');
  }
  if (options.bitrate !== undefined && options.quality !== undefined) {
    throw clash('--bitrate and --quality exclude each other.', 'Give one of them.');
  }
  const needs = (names: readonly (keyof typeof SPELLED)[], stages: readonly ('detect' | 'depth')[]) => {
    if (stages.some((stage) => options[stage] !== undefined)) return;
    const only = names.find((name) => options[name] !== undefined);
    if (only === undefined) return;
    const wanted = stages.map((stage) => `--${stage}`).join(' or ');
    throw clash(`${SPELLED[only]} does nothing without ${wanted}.`, `Add ${wanted}.`);
  };
  needs(['classes', 'minScore', 'iou', 'track', 'zones'], ['detect']);
  needs(['every'], ['detect', 'depth']);
  needs(['layout', 'depthRaw'], ['depth']);
  if (options.depthRaw === '') throw clash('--depth-raw names no folder.', 'Give one: --depth-raw maps');
  if (options.zones !== undefined && options.track === false) {
    throw clash('--zones counts those who are followed, and --no-track follows nobody.', 'Leave one out.');
  }
  if (options.layout !== undefined && !options.overlay) {
    throw clash('--layout says where depth is drawn, and --no-overlay draws nothing.', 'Leave one out.');
  }
  if (!options.output) {
    const unused = (['codec', 'bitrate', 'quality', 'size'] as const).find(
      (name) => options[name] !== undefined,
    );
    if (unused) throw clash(`--${unused} does nothing without an output.`, 'Add -o OUT.');
    if (options.layout !== undefined) throw clash('--layout does nothing without an output.', 'Add -o OUT.');
    if (!options.events && options.depthRaw === undefined) {
      if (options.detect === undefined && options.depth === undefined)
        throw new EdgeRunnerError(
          'usage',
          'There is nothing to do.',
          'Add -o OUT, --detect, --depth, or several of them.',
        );
      options.events = '-';
    }
  }
}
