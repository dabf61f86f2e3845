import { EdgeRunnerError, type JobSpec, type TaskOutcome } from '../../protocol/index.ts';
import { type EngineHost, encodeSound, probeJob, runJob } from '../engine/index.ts';
import type { FromAttempt, ToAttempt } from './attempt-messages.ts';
import { GridHost } from './grid-host.ts';
import { Preview } from './preview.ts';
import { ServerLink } from './server-link.ts';
import { Throttle } from './throttle.ts';

/** The engine in a worker of its own for one attempt: whatever the attempt opened is gone with the worker. */
let host: GridHost | null = null;

const say = (message: FromAttempt, transfer: Transferable[] = []) => self.postMessage(message, { transfer });
const throttle = new Throttle();
let begin = () => {};
/** Settles when no other attempt of this node has the device any more. */
const turn = new Promise<void>((resolve) => {
  begin = resolve;
});
const preview = new Preview((picture) => say({ type: 'preview', picture }, [picture]));

self.onmessage = ({ data }: MessageEvent<ToAttempt>) => {
  switch (data.type) {
    case 'begin':
      begin();
      break;
    case 'sources':
      host?.renewSources(data.sources);
      break;
    case 'share':
      throttle.share = data.share;
      break;
    case 'preview':
      preview.wanted = data.wanted;
      break;
    case 'start':
      void start(data);
  }
};

async function start({ base, attempt, ortBase }: Extract<ToAttempt, { type: 'start' }>): Promise<void> {
  // It is ended from outside, by the end of its worker.
  const { signal } = new AbortController();
  try {
    host = new GridHost({
      link: new ServerLink(base, signal),
      attempt,
      onProgress: ({ frames, of }) => say({ type: 'progress', frames, of }),
      onLog: (message) => say({ type: 'log', message }),
      onWorked: () => say({ type: 'worked' }),
      ...{ turn, throttle, preview },
    });
    const { kind, spec, segment, finds } = attempt.work;
    if (kind === 'probe') return say({ type: 'done', files: [], outcome: await probe(spec, host, signal) });
    if (kind === 'sound') {
      const began = performance.now();
      await encodeSound(spec, host, signal);
      const files = await host.finish([]);
      return say({ type: 'done', files, outcome: { frames: 0, seconds: since(began), truncated: false } });
    }
    const { summaries, indexAtEnd, shown } = await runJob(spec, host, {
      ...{ ortBase, signal },
      ...(segment && { segment }),
      ...(finds && { boxes: 'found' }),
      ...(kind === 'render' && { boxes: 'given' }),
    });
    const files = await host.finish(indexAtEnd);
    const { spent } = throttle;
    say({
      type: 'done',
      files,
      outcome: { ...summaries[0]!, ...(shown && { shown }), ...(spent && { throttled: spent }) },
    });
  } catch (error) {
    say({ type: 'failed', error: EdgeRunnerError.from(error).toRecord() });
  }
}

/** What a source is, and where it may be cut. */
async function probe(spec: JobSpec, host: EngineHost, signal: AbortSignal): Promise<TaskOutcome> {
  const began = performance.now();
  const plan = await probeJob(spec, host, {
    segmentSeconds: spec.segment ?? Number.POSITIVE_INFINITY,
    signal,
  });
  return { frames: plan.frames, seconds: since(began), truncated: false, plan };
}

const since = (began: number) => Number(((performance.now() - began) / 1000).toFixed(3));
