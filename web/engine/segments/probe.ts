import type { AudioCodec } from 'mediabunny';
import {
  type Container,
  EdgeRunnerError,
  type JobSpec,
  type ProbeReport,
  type Segment,
} from '../../../protocol/index.ts';
import type { EngineHost } from '../host.ts';
import { planJob, rangeOf, type SourcePlan, sourceName } from '../plan.ts';
import { holdsAudio } from '../sink/media-output.ts';
import { copiesPackets } from '../sink/video-output.ts';
import { UNKNOWN_FPS } from '../source/frame-source.ts';
import { MediaSource } from '../source/media-source.ts';
import { type Clip, type Cut, cutSegments } from './cut.ts';

/** Seconds after which a range of depth that is smoothed over time depends on what was before by less than 1 %. */
const DEPTH_MEMORY_SECONDS = 2.5;
/** Packets of the index between two words of progress: without one it may be long. */
const PROGRESS_PACKETS = 1_000;

export interface ProbeOptions {
  /** Of a segment, about. */
  segmentSeconds: number;
  signal: AbortSignal;
}

/**
 * Reads the index of a job's only source, or its packets where it has none, and cuts it into segments that can be
 * worked at apart from each other. Nothing is decoded.
 * @throws {EdgeRunnerError} as `runJob` does of a source that cannot be read, or has no frame in the job's range.
 */
export async function probeJob(
  job: JobSpec,
  host: EngineHost,
  { segmentSeconds, signal }: ProbeOptions,
): Promise<ProbeReport> {
  const [plan] = planJob(job);
  const name = sourceName(plan!.source);
  const media = await MediaSource.open(name, await host.openSource(plan!.source));
  try {
    const clip = await readIndex(media, plan!, signal, (packets) =>
      host.progress({
        ...{ source: plan!.source.id, frames: packets, of: media.video.frames, openFrames: 0 },
        ...{ time: 0, duration: media.video.duration },
      }),
    );
    if (clip.shown.length === 0)
      throw new EdgeRunnerError(
        'input-no-frames',
        `${name} has no frame in the part that was asked for.`,
        'Give another --start or --end.',
      );
    const copied = copiesPackets(plan!, media.video.codec);
    const damage = (await media.loss()) ?? (await media.shortage());
    const memory = memoryOf(plan!, media.video.fps ?? UNKNOWN_FPS);
    const whole = copied
      ? 'its packets go into the output as they are'
      : damage
        ? `it is not whole: ${damage}`.slice(0, 200)
        : null;
    const seconds = whole === null ? segmentSeconds : Number.POSITIVE_INFINITY;
    const cut = await cutWhereDecodable(media, clip, { seconds, memory }, signal);
    return {
      frames: clip.shown.length,
      codec: media.video.config.codec,
      copied,
      sound: media.audio && plan!.video ? soundOf(media.audio.codec, plan!.video.spec.container) : 'none',
      segments: cut.segments,
      whole: whole ?? cut.whole,
    };
  } finally {
    media.dispose();
  }
}

const soundOf = (codec: AudioCodec, container: Container) =>
  holdsAudio(container, codec) ? 'copied' : 'encoded';

async function readIndex(
  media: MediaSource,
  plan: SourcePlan,
  signal: AbortSignal,
  onPackets: (packets: number) => void,
): Promise<Clip> {
  const { start, end } = rangeOf(plan.source);
  const [from, to] = [start * 1e6 - 0.5, end * 1e6 - 0.5];
  const clip = { shown: [] as number[], keys: [] as number[], firstFrame: 0, fps: media.video.fps };
  let packets = 0;
  for await (const { time, key } of media.videoIndex()) {
    signal.throwIfAborted();
    if (++packets % PROGRESS_PACKETS === 0) onPackets(packets);
    if (time < from) clip.firstFrame++;
    else if (time < to) clip.shown.push(time);
    // Those before the range are good to warm up from.
    if (key && time < to) clip.keys.push(time);
  }
  return clip;
}

/** Leaves out keyframes that a decoder could not begin with, and cuts again, until all are good. */
async function cutWhereDecodable(
  media: MediaSource,
  clip: Clip,
  options: Parameters<typeof cutSegments>[1],
  signal: AbortSignal,
): Promise<Cut> {
  const good = new Set<number>();
  let keys = clip.keys;
  let mightBe = false;
  while (true) {
    const cut = cutSegments({ ...clip, keys }, options);
    const bad = new Set<number>();
    for (const { firstTime } of cut.segments.slice(1) as Segment[]) {
      signal.throwIfAborted();
      if (good.has(firstTime)) continue;
      if (await media.isKeyframe(firstTime)) good.add(firstTime);
      else bad.add(firstTime);
    }
    mightBe ||= cut.segments.length > 1;
    if (bad.size === 0)
      return mightBe && cut.segments.length === 1
        ? {
            ...cut,
            whole: 'no decoder can begin at the keyframes where it could be cut (open groups of pictures)',
          }
        : cut;
    keys = keys.filter((time) => !bad.has(time));
  }
}

/** How many frames before each one its stages remember. */
function memoryOf({ detect, depth, video }: SourcePlan, fps: number): (frame: number) => number {
  const strides = [detect, depth].flatMap((options) => (options ? [options.every] : []));
  // Its range is smoothed over time, which shows in its colours.
  const smoothing = depth && video?.drawn ? Math.ceil(DEPTH_MEMORY_SECONDS * fps) : 0;
  return (frame) => Math.max(0, ...strides.map((every) => frame % every)) + smoothing;
}
