import { expect, it } from 'vitest';
import { readDetections } from '../detections.ts';
import { pick, seeded, whole, worstDifference } from '../testing.ts';
import { onDevice, runAndRead, storageBuffer } from '../testing-gpu.ts';
import { randomHead } from '../testing-yolo.ts';
import { type Candidates, decodeYoloCpu } from '../yolo-decode/yolo-decode.cpu.ts';
import { YoloDecodeGpu } from '../yolo-decode/yolo-decode.gpu.ts';
import { nmsCpu } from './nms.cpu.ts';
import { NmsGpu } from './nms.gpu.ts';

const CASES = [
  { what: 'a usual head', share: 0.1, maxCandidates: 2048, maxDetections: 300 },
  { what: 'no candidate at all', share: 0, maxCandidates: 2048, maxDetections: 300 },
  { what: 'more candidates than may enter', share: 0.9, maxCandidates: 50, maxDetections: 300 },
  { what: 'more detections than are wanted', share: 0.9, maxCandidates: 100, maxDetections: 7 },
];

it.each(CASES)(
  'decode and NMS on the GPU equal their CPU twins: $what',
  ({ share, maxCandidates, maxDetections }) =>
    onDevice(async (device) => {
      const random = seeded(whole(seeded(maxDetections + maxCandidates + share * 10), 1, 1e6));
      for (const layout of ['yolox', 'yolov8'] as const) {
        const { head, raw } = randomHead(random, layout, share);
        const wanted = Uint8Array.from({ length: head.classes }, () => (random() < 0.8 ? 1 : 0));
        const params = { minScore: 0.25, classMask: pick(random, [wanted, null]) };
        const nms = { iou: 0.45, maxCandidates, maxDetections };

        const decoder = new YoloDecodeGpu(device, head, params);
        const suppressor = new NmsGpu(device, decoder.candidates, nms);
        const rawBuffer = storageBuffer(device, raw);
        // Twice: nothing of the frame before may be left.
        for (let frame = 0; frame < 2; frame++) {
          const bytes = await runAndRead(device, suppressor.output, (encoder) => {
            decoder.encode(encoder, rawBuffer);
            suppressor.encode(encoder);
          });
          const candidates = decodeYoloCpu(raw, head, params);
          if (share > 0.5) expect(candidates.count).toBeGreaterThan(maxCandidates);
          if (share === 0) expect(candidates.count).toBe(0);
          expectSame(readDetections(bytes), pickOut(candidates, nmsCpu(candidates, nms)));
        }
        decoder.destroy();
        suppressor.destroy();
      }
    }),
);

function pickOut(candidates: Candidates, kept: Int32Array): Candidates {
  const indices = [...kept];
  return {
    count: kept.length,
    boxes: Float32Array.from(indices.flatMap((i) => [...candidates.boxes.subarray(4 * i, 4 * i + 4)])),
    scores: Float32Array.from(indices, (i) => candidates.scores[i]!),
    classes: Int32Array.from(indices, (i) => candidates.classes[i]!),
    anchors: Int32Array.from(indices, (i) => candidates.anchors[i]!),
  };
}

function expectSame(found: Candidates, expected: Candidates): void {
  expect([...found.anchors]).toEqual([...expected.anchors]);
  expect([...found.classes]).toEqual([...expected.classes]);
  expect([...found.scores]).toEqual([...expected.scores]);
  expect(worstDifference(found.boxes, expected.boxes)).toBeLessThan(1e-3);
}
