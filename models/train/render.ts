import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LetterboxCpu, packedLayout, pictureOver, UPRIGHT } from '../../kernels/index.ts';
import { Street } from '../street/index.ts';

const WIDTH = 960;
const HEIGHT = 540;
const INPUT = { width: 384, height: 224 };

/**
 * Renders frames of many streets as the networks will see them: `NAME.rgb` (uint8 [n, 224, 384, 3]), `NAME.depth`
 * (float32 1/m [n, 112, 192], −1 in the letterbox's bars) and `NAME.ndjson` (boxes in px of that input, a frame a line).
 */
export function render(
  folder: string,
  name: string,
  firstSeed: number,
  seeds: number,
  framesEach: number,
): void {
  mkdirSync(folder, { recursive: true });
  const at = (ending: string) => join(folder, `${name}.${ending}`);
  for (const ending of ['rgb', 'depth', 'ndjson']) writeFileSync(at(ending), '');
  const letterbox = new LetterboxCpu({
    ...INPUT,
    placement: 'center',
    pad: 114,
    order: 'rgb',
    mean: [0, 0, 0],
    scale: [1, 1, 1],
  });
  const { byteLength } = packedLayout('RGBA', WIDTH, HEIGHT);
  const rgba = new Uint8Array(byteLength).fill(255);
  const picture = pictureOver(rgba.buffer, 'RGBA', WIDTH, HEIGHT, { matrix: 'rgb', fullRange: true });
  const view = { displayWidth: WIDTH, displayHeight: HEIGHT, orientation: UPRIGHT };
  const area = INPUT.width * INPUT.height;
  const planar = new Float32Array(3 * area);
  const scale = INPUT.width / WIDTH;
  const bar = (INPUT.height - HEIGHT * scale) / 2;
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    const street = new Street({ seed, width: WIDTH, height: HEIGHT, fps: 30 });
    for (let i = 0; i < framesEach; i++) {
      // Seconds apart, so that other cars have come.
      const frame = street.frame(i * 97);
      for (let from = 0, to = 0; from < frame.color.length; from += 3, to += 4) {
        rgba[to] = frame.color[from]!;
        rgba[to + 1] = frame.color[from + 1]!;
        rgba[to + 2] = frame.color[from + 2]!;
      }
      letterbox.run(picture, view, planar);
      const interleaved = new Uint8Array(3 * area);
      for (let pixel = 0; pixel < area; pixel++)
        for (let c = 0; c < 3; c++) interleaved[pixel * 3 + c] = Math.round(planar[c * area + pixel]!);
      appendFileSync(at('rgb'), interleaved);
      const depth = new Float32Array(area / 4);
      for (let y = 0; y < INPUT.height / 2; y++) {
        for (let x = 0; x < INPUT.width / 2; x++) {
          const sx = Math.floor((2 * x + 1) / scale);
          const sy = Math.floor((2 * y + 1 - bar) / scale);
          depth[(y * INPUT.width) / 2 + x] =
            sy < 0 || sy >= HEIGHT ? -1 : frame.inverseDepth[sy * WIDTH + sx]!;
        }
      }
      appendFileSync(at('depth'), new Uint8Array(depth.buffer));
      const truth = frame.truth.map(({ classId, box: [x, y, w, h], visible }) => ({
        classId,
        visible: Number(visible.toFixed(3)),
        box: [x * scale, y * scale + bar, w * scale, h * scale].map((v) => Number(v.toFixed(2))),
      }));
      appendFileSync(at('ndjson'), `${JSON.stringify({ seed, frame: i * 97, truth })}\n`);
    }
  }
}
