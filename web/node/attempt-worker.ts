import { EdgeRunnerError, type JobSpec, type TaskOutcome } from '../../protocol/index.ts';
import { Backends, type EngineHost, encodeSound, probeJob, runJob } from '../engine/index.ts';
import type { FromAttempt, ToAttempt } from './attempt-messages.ts';
import { GridHost } from './grid-host.ts';
import { Preview } from './preview.ts';
import { ServerLink } from './server-link.ts';
import { Throttle } from './throttle.ts';

/**
 * The engine in a worker, at one attempt after another: whoever gave it the next one has heard that it was done with
 * the one before. It is ended from outside, with whatever it has open.
 */

const say = (message: FromAttempt, transfer: Transferable[] = []) => self.postMessage(message, { transfer });

/** What is loaded for one attempt need not be loaded for the next. */
const backends = new Backends();

class Attempt {
  readonly throttle = new Throttle();
  readonly preview = new Preview((picture) => say({ type: 'preview', picture }, [picture]));
  begin = () => {};
  /** Settles when no other attempt of this node has the device any more. */
  readonly #turn = new Promise<void>((resolve) => {
    this.begin = resolve;
  });
  #host: GridHost | null = null;

  renewSources(sources: Record<string, string>): void {
    this.#host?.renewSources(sources);
  }

  async carryOut({ base, attempt, ortBase }: Extract<ToAttempt, { type: 'start' }>): Promise<void> {
    const { signal } = new AbortController();
    const { throttle, preview } = this;
    const host = new GridHost({
      link: new ServerLink(base, signal),
      attempt,
      onProgress: ({ frames, of }) => say({ type: 'progress', frames, of }),
      onLog: (message) => say({ type: 'log', message }),
      onWorked: () => say({ type: 'worked' }),
      ...{ turn: this.#turn, throttle, preview },
    });
    this.#host = host;
    const { kind, spec, segment, finds } = attempt.work;
    if (kind === 'probe') return say({ type: 'done', files: [], outcome: await probe(spec, host, signal) });
    if (kind === 'sound') {
      const began = performance.now();
      await encodeSound(spec, host, signal);
      const files = await host.finish([]);
      return say({ type: 'done', files, outcome: { frames: 0, seconds: since(began), truncated: false } });
    }
    const { summaries, indexAtEnd, shown } = await runJob(spec, host, {
      ...{ ortBase, signal, backends },
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
  }
}

let current = new Attempt();

self.onmessage = ({ data }: MessageEvent<ToAttempt>) => {
  switch (data.type) {
    case 'start':
      current = new Attempt();
      current
        .carryOut(data)
        .catch((error: unknown) => say({ type: 'failed', error: EdgeRunnerError.from(error).toRecord() }));
      break;
    case 'begin':
      current.begin();
      break;
    case 'sources':
      current.renewSources(data.sources);
      break;
    case 'share':
      current.throttle.share = data.share;
      break;
    case 'preview':
      current.preview.wanted = data.wanted;
  }
};

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
