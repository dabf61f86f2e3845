import type { FrameEvent } from '../../protocol/index.ts';
import { overlap } from '../../web/engine/track/boxes.ts';
import type { PeerDetection } from '../peers/peer.ts';

/** What is found twice must overlap by as much, other ways of making a picture smaller allowed for. */
const SAME_IOU = 0.7;
/** Below it, another way of making a picture smaller decides whether something is found at all. */
const SURE = 0.5;

/** Share of our sure detections that a peer found as well: 1 when it did the same work. */
export function agreement(ours: FrameEvent[], theirs: PeerDetection[][]): number {
  let sure = 0;
  let found = 0;
  theirs.forEach((boxes, i) => {
    for (const mine of ours[i]?.detections ?? []) {
      if (mine.score < SURE) continue;
      sure++;
      if (boxes.some(({ id, box }) => id === mine.id && overlap(box, mine.box) >= SAME_IOU)) found++;
    }
  });
  return sure === 0 ? 1 : found / sure;
}
