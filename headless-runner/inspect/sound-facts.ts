import type { SampleEntry } from 'mp4box';
import type { AudioTrackReport } from './report.ts';

type SoundFacts = Pick<AudioTrackReport, 'sampleRate' | 'channels'>;

/** Rate and channels of a sound track: what the codec's own configuration says, else what the sample entry does. */
export function soundFacts(entry: SampleEntry): SoundFacts {
  if (!entry.isAudio()) return quicktimeSound(entry.data);
  const said = { sampleRate: entry.getSampleRate(), channels: entry.getChannelCount() };
  const aac = 'esds' in entry ? audioSpecificConfig(entry.esds) : null;
  return aac ? { ...said, channels: aac } : said;
}

interface Descriptor {
  tag: number;
  data?: Uint8Array;
  descs?: Descriptor[];
}

/**
 * Channels of the AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1): muxers write 2 into the sample entry of every AAC
 * track, as an early edition of the MP4 format told them to.
 * @returns null where it does not say.
 */
function audioSpecificConfig(esds: unknown): number | null {
  const root = (esds as { esd?: Descriptor }).esd;
  const config = root?.descs?.find(({ tag }) => tag === 4)?.descs?.find(({ tag }) => tag === 5)?.data;
  if (!config || config.length < 2) return null;
  const [first, second] = [config[0]!, config[1]!];
  const [objectType, frequency] = [first >> 3, ((first & 7) << 1) | (second >> 7)];
  // Escaped object types and frequencies are longer; they are rare enough to leave to the sample entry.
  if (objectType === 31 || frequency === 15) return null;
  return CHANNELS[(second >> 3) & 15] ?? null;
}

/** By `channelConfiguration`; 0 means that the stream itself says. */
const CHANNELS: Record<number, number> = { 1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 8, 11: 7, 12: 8, 14: 8 };

/**
 * QuickTime's sound sample description, of whose kinds (`sowt`, `lpcm`, `in24`, …) mp4box knows few. Versions 0 and 1
 * have 16-bit channels and a 16.16 rate; version 2 has them further back, the rate as a float64.
 * @param data behind the data reference index.
 */
function quicktimeSound(data: ArrayLike<number>): SoundFacts {
  const view = new DataView(Uint8Array.from(data).buffer);
  return view.getUint16(0) === 2
    ? { sampleRate: view.getFloat64(24), channels: view.getUint32(32) }
    : { sampleRate: view.getUint32(16) / 65536, channels: view.getUint16(8) };
}
