import type { VideoTrackReport } from './report.ts';
import type { SampleStats } from './sample-stats.ts';

/** @param timescale ticks per second of the statistics. */
export const frameFacts = (
  stats: SampleStats,
  timescale: number,
): Pick<VideoTrackReport, 'fps' | 'variableFrameRate' | 'keyframes'> => ({
  fps: stats.ticks > 0 ? (stats.samples * timescale) / stats.ticks : null,
  variableFrameRate: stats.uneven,
  keyframes: {
    count: stats.keyframes,
    maxDistance: stats.longestGop.samples,
    maxSeconds: stats.longestGop.ticks / timescale,
  },
});
