import type { Codec } from '../../../protocol/index.ts';

/** Picture size, rate and bits per second that a level has to allow. */
export interface LevelNeeds {
  width: number;
  height: number;
  fps: number;
  bitrate: number;
}

/**
 * Codec strings to offer an encoder, best first. The level is the least that holds the picture, the rate and the
 * bitrate, so that a player can tell from the string alone whether it can play the file.
 */
export function codecStrings(codec: Codec, needs: LevelNeeds): string[] {
  switch (codec) {
    case 'h264': {
      const level = hex(leastLevel(AVC_LEVELS, { ...needs, unit: 16 }));
      // High, Main, constrained Baseline.
      return [`avc1.6400${level}`, `avc1.4d00${level}`, `avc1.42e0${level}`];
    }
    case 'hevc':
      return [`hvc1.1.6.L${leastLevel(HEVC_LEVELS, { ...needs, unit: 1 })}.B0`];
    case 'vp8':
      return ['vp8'];
    case 'vp9':
      return [`vp09.00.${leastLevel(VP9_LEVELS, { ...needs, unit: 1 })}.08`];
    case 'av1':
      return [`av01.0.${String(leastLevel(AV1_LEVELS, { ...needs, unit: 1 })).padStart(2, '0')}M.08`];
  }
}

/** [level, most units in a picture, most units a second, most kbit/s]; a unit is a macroblock or a luma sample. */
type Level = [id: number, picture: number, second: number, kbits: number];

/** ITU-T H.264 table A-1. */
const AVC_LEVELS: Level[] = [
  [10, 99, 1485, 64],
  [11, 396, 3000, 192],
  [12, 396, 6000, 384],
  [13, 396, 11880, 768],
  [20, 396, 11880, 2000],
  [21, 792, 19800, 4000],
  [22, 1620, 20250, 4000],
  [30, 1620, 40500, 10000],
  [31, 3600, 108000, 14000],
  [32, 5120, 216000, 20000],
  [40, 8192, 245760, 20000],
  [42, 8704, 522240, 50000],
  [50, 22080, 589824, 135000],
  [51, 36864, 983040, 240000],
  [52, 36864, 2073600, 240000],
  [62, 139264, 16711680, 800000],
];

/** ITU-T H.265 table A.8, Main tier; the string carries 30 × the level. */
const HEVC_LEVELS: Level[] = [
  [60, 122880, 3686400, 1500],
  [63, 245760, 7372800, 3000],
  [90, 552960, 16588800, 6000],
  [93, 983040, 33177600, 10000],
  [120, 2228224, 66846720, 12000],
  [123, 2228224, 133693440, 20000],
  [150, 8912896, 267386880, 25000],
  [153, 8912896, 534773760, 40000],
  [156, 8912896, 1069547520, 60000],
  [186, 35651584, 4278190080, 240000],
];

/** VP9 levels, webmproject.org/vp9/levels. */
const VP9_LEVELS: Level[] = [
  [10, 36864, 829440, 200],
  [11, 73728, 2764800, 800],
  [20, 122880, 4608000, 1800],
  [21, 245760, 9216000, 3600],
  [30, 552960, 20736000, 7200],
  [31, 983040, 36864000, 12000],
  [40, 2228224, 83558400, 18000],
  [41, 2228224, 160432128, 30000],
  [50, 8912896, 311951360, 60000],
  [51, 8912896, 588251136, 120000],
  [52, 8912896, 1176502272, 180000],
  [62, 35651584, 4706009088, 480000],
];

/** AV1 specification, annex A.3: seq_level_idx, Main tier. */
const AV1_LEVELS: Level[] = [
  [0, 147456, 4423680, 1500],
  [1, 278784, 8363520, 3000],
  [4, 665856, 19975680, 6000],
  [5, 1065024, 31950720, 10000],
  [8, 2359296, 70778880, 12000],
  [9, 2359296, 141557760, 20000],
  [12, 8912896, 267386880, 30000],
  [13, 8912896, 534773760, 40000],
  [14, 8912896, 1069547520, 60000],
  [18, 35651584, 4278190080, 160000],
];

function leastLevel(
  levels: Level[],
  { width, height, fps, bitrate, unit }: LevelNeeds & { unit: number },
): number {
  const picture = Math.ceil(width / unit) * Math.ceil(height / unit);
  const level = levels.find(
    ([, most, second, kbits]) => picture <= most && picture * fps <= second && bitrate <= kbits * 1000,
  );
  return (level ?? levels.at(-1)!)[0];
}

const hex = (value: number) => value.toString(16).padStart(2, '0');
