import { whole } from './testing.ts';
import type { YoloHead } from './yolo-decode/yolo-decode.cpu.ts';

/**
 * A head's raw output with crowds of overlapping boxes, equal scores and NaNs. Test code.
 * @param share of the anchors that carry an object.
 */
export function randomHead(
  random: () => number,
  layout: YoloHead['layout'],
  share: number,
): { head: YoloHead; raw: Float32Array<ArrayBuffer> } {
  const strides = [8, 16, 32];
  const [width, height] = [32 * whole(random, 2, 4), 32 * whole(random, 2, 4)];
  const anchors = strides.reduce((sum, stride) => sum + (width / stride) * (height / stride), 0);
  const classes = whole(random, 1, 12);
  const head: YoloHead = { layout, width, height, anchors, classes, strides };
  const rows = layout === 'yolox' ? 5 + classes : 4 + classes;
  const raw = new Float32Array(anchors * rows);
  const firstScore = rows - classes;
  for (let anchor = 0; anchor < anchors; anchor++) {
    const set = (row: number, value: number) => {
      raw[layout === 'yolox' ? anchor * rows + row : row * anchors + anchor] = value;
    };
    const isObject = random() < share;
    if (layout === 'yolox') {
      [random(), random(), 1 + random(), 1 + random()].forEach((value, row) => {
        set(row, value);
      });
      set(4, isObject ? 0.6 + 0.4 * random() : 0.2 * random());
    } else {
      [random() * width, random() * height, 30 * random(), 30 * random()].forEach((value, row) => {
        set(row, value);
      });
    }
    for (let c = 0; c < classes; c++) {
      // Steps of 1/8 make ties, between classes of an anchor and between anchors.
      set(firstScore + c, isObject ? (4 + whole(random, 0, 4)) / 8 : 0.2 * random());
    }
    if (random() < 0.05) set(whole(random, firstScore - 1, rows - 1), Number.NaN);
  }
  return { head, raw };
}
