import { rename, rm } from 'node:fs/promises';
import {
  ALL_FORMATS,
  EncodedAudioPacketSource,
  type EncodedPacket,
  EncodedPacketSink,
  EncodedVideoPacketSource,
  FilePathSource,
  FilePathTarget,
  Input,
  type InputTrack,
  Mp4OutputFormat,
  Output,
} from 'mediabunny';

/** As in the first pass: WebCodecs' microseconds come through exactly. */
const VIDEO_TICKS = 1e6;

/**
 * Moves the index of a finished MP4 to its front, so that it plays while it loads: a second pass over the packets,
 * now that their number is known. Memory does not grow with the file.
 */
export async function moveIndexToFront(path: string): Promise<void> {
  const target = `${path}.front`;
  const input = new Input({ formats: ALL_FORMATS, source: new FilePathSource(path) });
  const output = new Output({
    format: new Mp4OutputFormat({ fastStart: 'reserve' }),
    target: new FilePathTarget(target),
  });
  try {
    const tracks: CopiedTrack[] = [];
    const video = await input.getPrimaryVideoTrack();
    if (video) {
      const source = new EncodedVideoPacketSource((await video.getCodec())!);
      const decoderConfig = (await video.getDecoderConfig())!;
      output.addVideoTrack(source, {
        frameRate: VIDEO_TICKS,
        rotation: await video.getRotation(),
        flip: await video.getFlip(),
        maximumPacketCount: await countOf(video),
      });
      tracks.push({
        packets: packetsOf(video),
        add: (packet) => source.add(packet, { decoderConfig }),
        close: () => source.close(),
      });
    }
    const audio = await input.getPrimaryAudioTrack();
    if (audio) {
      const source = new EncodedAudioPacketSource((await audio.getCodec())!);
      const decoderConfig = (await audio.getDecoderConfig())!;
      output.addAudioTrack(source, {
        languageCode: await audio.getLanguageCode(),
        maximumPacketCount: await countOf(audio),
      });
      tracks.push({
        packets: packetsOf(audio),
        add: (packet) => source.add(packet, { decoderConfig }),
        close: () => source.close(),
      });
    }
    await output.start();
    await interleave(tracks);
    await output.finalize();
    await rename(target, path);
  } catch (error) {
    await output.cancel().catch(() => {});
    await rm(target, { force: true });
    throw error;
  } finally {
    input.dispose();
  }
}

interface CopiedTrack {
  packets: AsyncGenerator<EncodedPacket>;
  add(packet: EncodedPacket): Promise<void>;
  close(): void;
}

const packetsOf = (track: InputTrack) => new EncodedPacketSink(track).packets();

/** Copies the tracks side by side in time: the muxer holds what runs ahead of the other tracks in memory. */
async function interleave(tracks: CopiedTrack[]): Promise<void> {
  const heads = await Promise.all(tracks.map(async (track) => ({ track, next: await track.packets.next() })));
  while (true) {
    const open = heads.filter(({ next }) => !next.done);
    if (open.length === 0) return;
    const head = open.reduce((least, other) =>
      other.next.value!.timestamp < least.next.value!.timestamp ? other : least,
    );
    await head.track.add(head.next.value!);
    head.next = await head.track.packets.next();
    if (head.next.done) head.track.close();
  }
}

const countOf = async (track: InputTrack) =>
  (await track.computePacketStats(Number.POSITIVE_INFINITY, { metadataOnly: true })).packetCount;
