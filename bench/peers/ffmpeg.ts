import { spawnSync } from 'node:child_process';
import { runChild } from '../measure/child.ts';
import { hasFfmpeg, videoTrack } from '../measure/clips.ts';
import type { Peer } from './peer.ts';

interface Encoder {
  id: string;
  what: string;
  args: string[];
  /** What ffmpeg calls it, where it is not in every build. */
  hardware?: string;
}

const H264: Encoder[] = [
  { id: 'x264-veryfast', what: 'ffmpeg, x264 veryfast', args: ['-c:v', 'libx264', '-preset', 'veryfast'] },
  { id: 'x264-ultrafast', what: 'ffmpeg, x264 ultrafast', args: ['-c:v', 'libx264', '-preset', 'ultrafast'] },
  {
    id: 'nvenc',
    what: 'ffmpeg, NVENC p4',
    args: ['-c:v', 'h264_nvenc', '-preset', 'p4'],
    hardware: 'h264_nvenc',
  },
  {
    id: 'videotoolbox',
    what: 'ffmpeg, VideoToolbox',
    args: ['-c:v', 'h264_videotoolbox'],
    hardware: 'h264_videotoolbox',
  },
];

/** ffmpeg's H.264 encoders that work here, at one bitrate; none without ffmpeg. */
export function ffmpegPeers(clip: string, bitrate: number, output: (id: string) => string): Peer[] {
  if (!hasFfmpeg()) return [];
  return H264.filter(({ hardware }) => !hardware || works(hardware)).map(({ id, what, args }) => ({
    id,
    what,
    run: async () => {
      const out = output(id);
      const wallSeconds = await transcode(clip, out, [...args, '-b:v', `${bitrate}`]);
      return { fps: null, wallSeconds, frames: (await videoTrack(out)).frames, output: out };
    },
  }));
}

/** @returns seconds of the whole process. @throws with ffmpeg's own words when it fails. */
export async function transcode(clip: string, output: string, args: string[]): Promise<number> {
  const began = performance.now();
  const all = ['-v', 'error', '-y', '-i', clip, ...args, '-an', output];
  const { status, stderr } = await runChild('ffmpeg', all);
  if (status !== 0) throw new Error(`ffmpeg ${args.join(' ')} failed: ${stderr}`);
  return (performance.now() - began) / 1000;
}

/** A build may list an encoder whose driver is not here: only a frame that it encodes counts. */
function works(encoder: string): boolean {
  const frame = ['-f', 'lavfi', '-i', 'color=size=640x360:rate=30', '-frames:v', '2'];
  return spawnSync('ffmpeg', ['-v', 'quiet', ...frame, '-c:v', encoder, '-f', 'null', '-']).status === 0;
}
