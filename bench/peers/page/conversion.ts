import {
  ALL_FORMATS,
  BlobSource,
  BufferTarget,
  Conversion,
  Input,
  Mp4OutputFormat,
  Output,
} from 'mediabunny';
import { base64, fetchWith, type PageJob, type PageResult } from './job.ts';

/** Shares of the whole that are no steady state. */
const START = 0.1;
const END = 0.9;

/** mediabunny's own conversion to H.264 at a bitrate. */
export async function conversion(job: PageJob): Promise<PageResult> {
  const file = await (await fetchWith(job.token, job.clip)).blob();
  const input = new Input({ source: new BlobSource(file), formats: ALL_FORMATS });
  const output = new Output({ format: new Mp4OutputFormat(), target: new BufferTarget() });
  const converting = await Conversion.init({
    input,
    output,
    video: { codec: 'avc', bitrate: job.bitrate, forceTranscode: true },
  });
  const { packetCount } = await (await input.getPrimaryVideoTrack())!.computePacketStats();
  // Without its start and its end, as everybody here is measured.
  const steady = { from: { share: 0, at: performance.now() }, to: { share: 1, at: 0 } };
  converting.onProgress = (share) => {
    const now = { share, at: performance.now() };
    if (share < START) steady.from = now;
    else if (share <= END) steady.to = now;
  };
  await converting.execute();
  const { from, to } = steady;
  return {
    frames: packetCount,
    // Of all frames, at the pace of those between.
    seconds: (to.at - from.at) / 1000 / (to.share - from.share),
    output: await base64(output.target.buffer!),
    found: null,
  };
}
