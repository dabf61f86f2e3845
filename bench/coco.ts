import { readFile } from 'node:fs/promises';

/** One detection as COCO's result files have it. */
export interface CocoDetection {
  image_id: number;
  category_id: number;
  bbox: [number, number, number, number];
  score: number;
}

/** COCO's category ids of the 80 classes, in the models' order: the numbering has holes. */
const CATEGORY_IDS = [
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 27, 28, 31, 32, 33,
  34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61,
  62, 63, 64, 65, 67, 70, 72, 73, 74, 75, 76, 77, 78, 79, 80, 81, 82, 84, 85, 86, 87, 88, 89, 90,
];

/** The frame lines of an events file whose pictures are named by their COCO image id. */
export async function cocoDetections(events: string): Promise<CocoDetection[]> {
  const lines = (await readFile(events, 'utf8')).trim().split('\n');
  return lines
    .map(
      (line) =>
        JSON.parse(line) as {
          type: string;
          file?: string;
          detections?: { id: number; score: number; box: CocoDetection['bbox'] }[];
        },
    )
    .filter(({ type }) => type === 'frame')
    .flatMap(({ file, detections = [] }) =>
      detections.map(({ id, score, box }) => ({
        image_id: Number.parseInt(file ?? '', 10),
        category_id: CATEGORY_IDS[id]!,
        bbox: box,
        score,
      })),
    );
}
