import { EdgeRunnerError, type TaskOutcome } from '../../protocol/index.ts';
import type { HeldAttempt } from './fleet.ts';

/**
 * Whether what a node says it did is what its task was.
 * @throws {EdgeRunnerError} `segment-short` for another number of frames than planned, or other ones; `message-invalid`
 * for a look at a source that tells nothing of it.
 */
export function checkOutcome(
  { kind, segment }: Pick<HeldAttempt, 'kind' | 'segment'>,
  { plan, frames, shown, loss }: TaskOutcome,
): void {
  if (kind === 'probe' && !plan)
    throw new EdgeRunnerError(
      'message-invalid',
      'The node looked at the source and says nothing of it.',
      'Update edge-runner there.',
    );
  if (!segment) return;
  const { ordinal, firstTime, lastTime } = segment;
  if (frames === segment.frames && shown?.first === firstTime && shown.last === lastTime) return;
  const seen = shown ? `${frames} frames from ${shown.first} to ${shown.last} µs` : `${frames} frames`;
  throw new EdgeRunnerError(
    'segment-short',
    `Segment ${ordinal} came out as ${seen}, not ${segment.frames} from ${firstTime} to ${lastTime} µs${loss ? `: ${loss}` : ''}.`,
    'It is tried on another node.',
  );
}
