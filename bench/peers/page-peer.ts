import { writeFileSync } from 'node:fs';
import { RUNNER_PATHS } from '../../protocol/index.ts';
import type { BenchContext } from '../context.ts';
import type { Ladder } from '../measure/ladder.ts';
import type { DetectJob } from './native-detect.ts';
import type { PageJob } from './page/job.ts';
import type { PageName } from './page/page.ts';
import type { Peer } from './peer.ts';

const WHAT: Record<PageName, string> = {
  conversion: "mediabunny's own conversion",
  best: 'the usual page, as well as it can be written',
  tutorial: 'the usual page, as tutorials write it',
};

const PEERS_PAGE = '/bench/peers.html';

/** A page of other people's, in the browser that serves it best: ours, with the cpu backend's flags. */
export const pagePeer = (
  ladder: Ladder,
  name: PageName,
  { seconds, modelWarmUp, bitrate }: BenchContext,
  output: string,
  detect: Pick<DetectJob, 'model' | 'minScore' | 'iou'> | null,
): Peer => ({
  id: name,
  what: WHAT[name],
  run: async () => {
    const job: PageJob = {
      clip: RUNNER_PATHS.source('in'),
      model: detect && RUNNER_PATHS.model(detect.model.name),
      token: ladder.server.token,
      ort: RUNNER_PATHS.ort,
      descriptor: detect?.model ?? null,
      seconds: 5 * seconds,
      warmUp: modelWarmUp,
      bitrate,
      minScore: detect?.minScore ?? 1,
      iou: detect?.iou ?? 1,
    };
    const result = await ladder.withPage(PEERS_PAGE, (page) =>
      page.evaluate((peer, asked) => window.edgeRunnerPeer(peer, asked), name, job),
    );
    writeFileSync(output, Buffer.from(result.output, 'base64'));
    return {
      fps: result.frames / result.seconds,
      wallSeconds: null,
      frames: result.found?.length ?? result.frames,
      output,
      ...(result.found && { found: result.found }),
    };
  },
});
