import {
  type BannerInput,
  type BannerState,
  type DepthOptions,
  type DetectOptions,
  EdgeRunnerError,
  type Layout,
  parseBanner,
  parseJobSpec,
  type StageInput,
  type Zone,
} from '../../../protocol/index.ts';
import { planJob } from '../plan.ts';

/** A stage of a live picture, each standing on the one before: those of a job, and banners over all. */
export type LiveStage = StageInput | { kind: 'banner'; options: BannerInput };

/** What is asked of a live picture. */
export interface LivePlan {
  detect: DetectOptions | null;
  /** Whether objects show their number. */
  track: boolean;
  zones: readonly Zone[] | null;
  depth: DepthOptions | null;
  /** Null where nothing that was found is drawn. */
  layout: Layout | null;
  /** Null where there is no banner stage. */
  banner: BannerState | null;
}

/**
 * Reads the stages of a live picture.
 * @throws {EdgeRunnerError} `job-invalid`, `zones-invalid`, `banner-invalid`
 */
export function planLive(stages: readonly LiveStage[]): LivePlan {
  const banners = stages.filter((stage) => stage.kind === 'banner');
  if (banners.length > 1)
    throw new EdgeRunnerError(
      'job-invalid',
      'The pipeline has two banner stages.',
      'One banner has as many layers as are wanted: put all into it.',
    );
  const chained = chainOf(stages.filter((stage) => stage.kind !== 'banner'));
  const [plan] = planJob(
    parseJobSpec({
      v: 1,
      sources: [{ id: 'live', kind: 'upload', name: 'live' }],
      stages: chained,
      outputs: [
        { id: 'video', from: chained.at(-1)?.id ?? 'live', kind: 'video', name: 'live', container: 'mp4' },
      ],
    }),
  );
  const { detect, track, zones, depth, layout, video } = plan!;
  return {
    ...{ detect, track, zones, depth },
    layout: video!.drawn ? layout : null,
    banner: banners[0] ? parseBanner(banners[0].options) : null,
  };
}

/** Stages as a job has them: each with a name, standing on the one before. */
export function chainOf(
  stages: readonly StageInput[],
  source = 'live',
): (StageInput & { id: string; from: string })[] {
  return stages.map((stage, i) => ({
    ...stage,
    id: `${i + 1}-${stage.kind}`,
    from: i === 0 ? source : `${i}-${stages[i - 1]!.kind}`,
  }));
}
