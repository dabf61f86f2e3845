import type { Command } from 'commander';
import {
  type JobOptions,
  readBackend,
  readBitrate,
  readClasses,
  readCodec,
  readCount,
  readHeader,
  readLayout,
  readQuality,
  readShare,
  readSize,
  readTime,
} from './options.ts';

/** Taken when --detect, or --depth, names no model. */
const DEFAULT_MODEL = 'yolox-nano';
const DEFAULT_DEPTH_MODEL = 'midas-small';

/** As the command line gives them: a list or a model's name may be left out. */
export type RawJobOptions = Omit<JobOptions, 'detect' | 'depth' | 'header'> &
  Partial<Pick<JobOptions, 'header'>> & { detect?: string | true; depth?: string | true };

/** What is to be done with the inputs: the same words for a job here and for one on a grid. */
export const addJobOptions = (command: Command): Command =>
  command
    .option('-o, --output <out>', 'output file (.mp4, .webm, .mkv, .m3u8) or folder; without it, events only')
    .option(
      '--detect [model]',
      `find objects with a model from the registry or an .onnx file (default: ${DEFAULT_MODEL})`,
    )
    .option('--classes <names>', 'only these classes, such as person,car', readClasses)
    .option(
      '--min-score <score>',
      'least score of a detection, 0 to 1 (default: 0.3)',
      readShare('--min-score'),
    )
    .option(
      '--iou <overlap>',
      'overlap above which boxes of a class are one object, 0 to 1 (default: 0.65)',
      readShare('--iou'),
    )
    .option('--every <n>', 'infer on every Nth frame (default: 1)', readCount('--every', 1))
    .option('--track', 'follow objects from frame to frame (default with --every)')
    .option('--no-track', 'hold the boxes between the frames of --every')
    .option('--zones <file>', 'count who enters, leaves and crosses the places in this file (docs/zones.md)')
    .option('--depth [model]', `estimate how near everything is (default: ${DEFAULT_DEPTH_MODEL})`)
    .option(
      '--layout <layout>',
      'where depth is shown: overlay (default), side-by-side or depth (alone)',
      readLayout,
    )
    .option(
      '--depth-raw <dir>',
      'write the depth map of every inferred frame as a 16-bit PNG into this folder',
    )
    .option('--no-overlay', 'draw neither boxes nor depth')
    .option('--events <file>', 'write events as NDJSON; "-" for standard output')
    .option('--stats <file>', 'write times and queue depths of every stage as JSON')
    .option('--codec <codec>', 'h264, hevc, vp8, vp9 or av1', readCodec)
    .option('--bitrate <rate>', 'bits per second, such as 4M', readBitrate)
    .option('--quality <quality>', 'low, medium or high (default: medium)', readQuality)
    .option('--size <size>', 'output size, such as 1280x720', readSize)
    .option('--start <time>', 'begin here, in seconds or h:mm:ss', readTime('--start'))
    .option('--end <time>', 'end before this time', readTime('--end'))
    .option('--backend <backend>', 'auto, webgpu or cpu', readBackend, 'auto')
    .option(
      '--header <header>',
      '"Name: value" to send with every request to an address; may be given again',
      readHeader,
    )
    .option('--realtime', 'read at the pace of the clip', false)
    .option('--strict', 'fail on a truncated or damaged input instead of keeping what is whole', false)
    .option('--json', 'progress and result as JSON lines on standard output', false);

export const readJobOptions = <Raw extends RawJobOptions>(raw: Raw) => ({
  ...raw,
  detect: raw.detect === true ? DEFAULT_MODEL : raw.detect,
  depth: raw.depth === true ? DEFAULT_DEPTH_MODEL : raw.depth,
  header: raw.header ?? {},
});
