import { EdgeRunnerError } from '../../protocol/index.ts';
import { runJob } from '../engine/index.ts';
import type { FromAttempt, ToAttempt } from './attempt-messages.ts';
import { GridHost } from './grid-host.ts';
import { ServerLink } from './server-link.ts';

/** The engine in a worker of its own for one attempt: whatever the attempt opened is gone with the worker. */
let host: GridHost | null = null;

const say = (message: FromAttempt) => self.postMessage(message);

self.onmessage = ({ data }: MessageEvent<ToAttempt>) => {
  if (data.type === 'sources') host?.renewSources(data.sources);
  else void start(data);
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
    });
    const { summaries, indexAtEnd } = await runJob(attempt.work.spec, host, { ortBase, signal });
    say({ type: 'done', files: await host.finish(indexAtEnd), outcome: { ...summaries[0]! } });
  } catch (error) {
    say({ type: 'failed', error: EdgeRunnerError.from(error).toRecord() });
  }
}
