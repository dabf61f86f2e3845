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
  const began = performance.now();
  await converting.execute();
  const ended = performance.now();
  return {
    frames: packetCount,
    seconds: (ended - began) / 1000,
    output: await base64(output.target.buffer!),
    found: null,
  };
}
