import { EdgeRunnerError } from '../../protocol/index.ts';

/** Milliseconds that cleaning up may take. */
const PATIENCE = 5000;

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs `work` with a signal that Ctrl-C, SIGTERM, or the end of whoever reads standard output aborts. The work cleans
 * up and rejects, which takes a moment; only when it has not after {@link PATIENCE} a further Ctrl-C ends the process.
 */
export async function untilInterrupted<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let stoppedAt = 0;
  const stop = (why: string) => {
    if (controller.signal.aborted) {
      if (performance.now() - stoppedAt > PATIENCE) process.exit(130);
      return;
    }
    stoppedAt = performance.now();
    controller.abort(
      new EdgeRunnerError(
        'interrupted',
        `Stopped: ${why}.`,
        'What was not finished has left nothing behind. Run it again to start over.',
      ),
    );
  };
  const onSignal = (name: string) => stop(name);
  const onPipe = (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' && !controller.signal.aborted) stop('nobody reads standard output any more');
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  process.stdout.on('error', onPipe);
  try {
    return await work(controller.signal);
  } finally {
    for (const name of SIGNALS) process.off(name, onSignal);
    process.stdout.off('error', onPipe);
  }
}
