import type { EngineHost } from '../host.ts';
import { writeWhole } from './whole-file.ts';

/** Lossy enough to be small, good enough that labels stay crisp. */
const JPEG_QUALITY = 0.92;

/** Writes each still picture back under its own name: PNG stays PNG, everything else becomes JPEG. */
export class PictureOutput {
  readonly #host: EngineHost;
  readonly #output: string;

  constructor(host: EngineHost, output: string) {
    this.#host = host;
    this.#output = output;
  }

  async write(frame: VideoFrame, file: string): Promise<void> {
    const canvas = new OffscreenCanvas(frame.displayWidth, frame.displayHeight);
    canvas.getContext('2d')!.drawImage(frame, 0, 0);
    const png = /\.png$/i.test(file);
    const blob = await canvas.convertToBlob(
      png ? { type: 'image/png' } : { type: 'image/jpeg', quality: JPEG_QUALITY },
    );
    const name = png ? file : file.replace(/\.[^.]+$/, '.jpg');
    await writeWhole(this.#host, this.#output, name, new Uint8Array(await blob.arrayBuffer()));
  }
}
