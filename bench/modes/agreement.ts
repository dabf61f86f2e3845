import { overlap } from '../../web/engine/track/boxes.ts';
import type { PeerDetection } from '../peers/peer.ts';

/** What is found twice must overlap by as much, other ways of making a picture smaller allowed for. */
const SAME_IOU = 0.7;
/** Below it, another way of making a picture smaller decides whether something is found at all. */
const SURE = 0.5;

/**
 * Share of the sure detections of either that the other found as well: 1 when both did the same work.
 * @param ours of as many frames as the peer did, or more.
 */
export function agreement(ours: PeerDetection[][], theirs: PeerDetection[][]): number {
  let sure = 0;
  let found = 0;
  const count = (some: PeerDetection[], others: PeerDetection[]) => {
    for (const one of some) {
      if (one.score < SURE) continue;
      sure++;
      if (others.some(({ id, box }) => id === one.id && overlap(box, one.box) >= SAME_IOU)) found++;
    }
  };
  theirs.forEach((boxes, i) => {
    // What follows is a frame that we did not look at.
    const mine = ours[i];
    if (!mine) return;
    count(mine, boxes);
    count(boxes, mine);
  });
  return sure === 0 ? 1 : found / sure;
}
