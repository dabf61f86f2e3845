import {
  EdgeRunnerError,
  type FromPage,
  type JobSpec,
  type PageWork,
  RUNNER_PATHS,
  USUAL_SEGMENT_SECONDS,
} from '../../../protocol/index.ts';
import {
  Backends,
  encodeSound,
  MediaSource,
  planJob,
  probeJob,
  rangeOf,
  runJob,
  sourceName,
} from '../../engine/index.ts';
import { CommandHost } from './command-host.ts';

/** What a worker is started with: whose page it is of, and the number of its work. */
export interface WorkerStart {
  token: string;
  work: number;
  origin: string;
}

/** Whether it may be given another work. */
export type WorkerEnd = 'done' | 'failed';

/** What is loaded for one work need not be loaded for the next. */
const backends = new Backends();

/** The engine in its worker, at one work after another for the command that opened the page. */
self.onmessage = async ({ data: { token, work, origin } }: MessageEvent<WorkerStart>) => {
  const host = await CommandHost.connect(origin, token, work);
  const result = await carryOut(await host.work, host, origin).catch(
    (error: unknown): FromPage => ({ type: 'failed', error: EdgeRunnerError.from(error).toRecord() }),
  );
  await host.finish(result);
  const end: WorkerEnd = result.type === 'failed' ? 'failed' : 'done';
  self.postMessage(end);
};

/** Seconds of each of so many pieces of a job's only source, as far as it says how long it is. */
async function secondsOfPiece(job: JobSpec, pieces: number, host: CommandHost): Promise<number> {
  const [plan] = planJob(job);
  const { source } = plan!;
  const media = await MediaSource.open(sourceName(source), await host.openSource(source));
  try {
    const { start, end } = rangeOf(source);
    const { duration } = media.video;
    const until = Math.min(end, duration ?? Number.POSITIVE_INFINITY);
    return Number.isFinite(until) ? Math.max(0, until - start) / pieces : USUAL_SEGMENT_SECONDS;
  } finally {
    media.dispose();
  }
}

async function carryOut(work: PageWork, host: CommandHost, origin: string): Promise<FromPage> {
  const signal = host.aborted;
  if (work.kind === 'probe') {
    const { job, cut } = work;
    const segmentSeconds = 'seconds' in cut ? cut.seconds : await secondsOfPiece(job, cut.pieces, host);
    return { type: 'probed', report: await probeJob(job, host, { segmentSeconds, signal }) };
  }
  if (work.kind === 'sound') {
    await encodeSound(work.job, host, signal);
    return { type: 'heard' };
  }
  const { job, workers, segment, boxes } = work;
  const result = await runJob(job, host, {
    ortBase: new URL(RUNNER_PATHS.ort, origin).href,
    ...{ signal, backends },
    cores: Math.max(1, Math.floor(navigator.hardwareConcurrency / workers)),
    ...(segment && { segment }),
    ...(boxes && { boxes }),
  });
  return { type: 'done', ...result };
}
