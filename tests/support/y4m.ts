import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { paintPattern } from '../../web/engine/source/pattern.ts';

/** A camera's film for Chromium's fake device, which plays it over and over: a test pattern that carries its frame's number. */
export async function writeY4m(
  path: string,
  { width, height, fps, frames }: { width: number; height: number; fps: number; frames: number },
): Promise<void> {
  const out = createWriteStream(path);
  out.write(`YUV4MPEG2 W${width} H${height} F${fps}:1 Ip A1:1 C420jpeg\n`);
  for (let index = 0; index < frames; index++) {
    const planes = new Uint8Array((width * height * 3) / 2);
    paintPattern(planes, width, height, index);
    out.write('FRAME\n');
    if (!out.write(planes)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'close');
}

/** Chromium with that film as its camera, and nobody to ask whether it may be used. */
export const cameraArgs = (film: string | null): string[] => [
  '--use-fake-ui-for-media-stream',
  '--use-fake-device-for-media-stream',
  ...(film ? [`--use-file-for-fake-video-capture=${film}`] : []),
];

/** Reads the numbers of so many frames that a `<video>` shows. To be sent into a page. */
export async function readCounters({
  selector,
  frames,
}: {
  selector: string;
  frames: number;
}): Promise<number[]> {
  const video = document.querySelector<HTMLVideoElement>(selector)!;
  const canvas = new OffscreenCanvas(16, 1);
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  const numbers: number[] = [];
  while (numbers.length < frames) {
    await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
    const { videoWidth: width, videoHeight: height } = video;
    for (let bit = 0; bit < 16; bit++)
      context.drawImage(video, ((bit + 0.5) * width) / 16 - 1, height / 45, 2, 2, bit, 0, 1, 1);
    const { data } = context.getImageData(0, 0, 16, 1);
    let number = 0;
    for (let bit = 0; bit < 16; bit++) number = 2 * number + (data[4 * bit + 1]! > 128 ? 1 : 0);
    numbers.push(number);
  }
  return numbers;
}
