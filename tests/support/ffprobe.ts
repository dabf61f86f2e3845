import { execFileSync } from 'node:child_process';

export interface ProbedStream {
  codec_type: 'video' | 'audio';
  codec_name: string;
  width: number;
  height: number;
  sample_aspect_ratio?: string;
  pix_fmt: string;
  color_space?: string;
  time_base: string;
  start_time: string;
  sample_rate?: string;
  channels?: number;
  side_data_list?: { rotation?: number }[];
  tags?: Record<string, string>;
}

export interface ProbedPacket {
  pts: number;
  /** Seconds. */
  time: number;
  key: boolean;
  /** Of the packet's bytes. */
  md5: string;
  size: number;
}

export interface ProbedFrame {
  /** Seconds. */
  time: number;
  key: boolean;
}

type Which = 'v:0' | 'a:0';

function probe<T>(path: string, args: string[]): T {
  const text = execFileSync('ffprobe', ['-v', 'error', '-of', 'json', ...args, path], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  return JSON.parse(text) as T;
}

export const streams = (path: string): ProbedStream[] =>
  probe<{ streams: ProbedStream[] }>(path, ['-show_streams']).streams;

export function videoStream(path: string): ProbedStream {
  const stream = streams(path).find(({ codec_type }) => codec_type === 'video');
  if (!stream) throw new Error(`${path} has no video stream`);
  return stream;
}

export const audioStream = (path: string): ProbedStream | null =>
  streams(path).find(({ codec_type }) => codec_type === 'audio') ?? null;

/** Clockwise turn for display, degrees from 0 to 270. */
export function rotationOf(path: string): number {
  const turn =
    videoStream(path).side_data_list?.find(({ rotation }) => rotation !== undefined)?.rotation ?? 0;
  return (((-turn % 360) + 360) % 360) + 0;
}

/** Size on the screen: pixel aspect and rotation applied. */
export function displayedSize(path: string): { width: number; height: number } {
  const { width, height, sample_aspect_ratio } = videoStream(path);
  const [num, den] = (sample_aspect_ratio ?? '1:1').split(':').map(Number) as [number, number];
  const ratio = num > 0 && den > 0 ? num / den : 1;
  const shown = ratio >= 1 ? { width: width * ratio, height } : { width, height: height / ratio };
  const { width: w, height: h } = { width: Math.round(shown.width), height: Math.round(shown.height) };
  return rotationOf(path) % 180 === 0 ? { width: w, height: h } : { width: h, height: w };
}

/** Frames as a player shows them, in order; times exact, not as printed. */
export function frames(path: string): ProbedFrame[] {
  const tick = tickOf(videoStream(path));
  const { frames: found } = probe<{ frames: { best_effort_timestamp: number; key_frame: number }[] }>(path, [
    ...['-select_streams', 'v:0'],
    ...['-show_entries', 'frame=best_effort_timestamp,key_frame'],
  ]);
  return found.map((frame) => ({ time: frame.best_effort_timestamp * tick, key: frame.key_frame === 1 }));
}

/** Seconds of one tick of a stream. */
export function tickOf({ time_base }: ProbedStream): number {
  const [num, den] = time_base.split('/').map(Number) as [number, number];
  return num / den;
}

/** Packets in file order. */
export function packets(path: string, which: Which): ProbedPacket[] {
  const { packets: found } = probe<{
    packets: { pts: number; pts_time: string; flags: string; data_hash: string; size: string }[];
  }>(path, [
    ...['-select_streams', which, '-show_packets', '-show_data_hash', 'md5'],
    ...['-show_entries', 'packet=pts,pts_time,flags,data_hash,size'],
  ]);
  return found.map(({ pts, pts_time, flags, data_hash, size }) => ({
    pts,
    time: Number(pts_time),
    key: flags.startsWith('K'),
    md5: data_hash,
    size: Number(size),
  }));
}
