import { EdgeRunnerError, RUNNER_PATHS } from '../../../protocol/index.ts';
import { runJob } from '../../engine/index.ts';
import { CommandHost } from './command-host.ts';

/** The engine in its worker, working for the command that opened the page. */
self.onmessage = async ({ data: { token, origin } }: MessageEvent<{ token: string; origin: string }>) => {
  const host = await CommandHost.connect(origin, token);
  try {
    const job = await host.job;
    const result = await runJob(job, host, {
      ortBase: new URL(RUNNER_PATHS.ort, origin).href,
      signal: host.aborted,
    });
    host.finish({ type: 'done', ...result });
  } catch (error) {
    host.finish({ type: 'failed', error: EdgeRunnerError.from(error).toRecord() });
  }
};
