import { UPRIGHT } from '../../../kernels/index.ts';
import { EdgeRunnerError, type SourceSpec } from '../../../protocol/index.ts';
import type { EngineHost } from '../host.ts';
import type { FrameLedger } from '../pipeline/frame-ledger.ts';
import type { FrameSource, FrameSourceInfo, SourceFrame } from './frame-source.ts';

/** Still pictures, each a frame of its own size; its time is its number. */
export class StillsSource implements FrameSource {
  readonly info: FrameSourceInfo;
  readonly #spec: Extract<SourceSpec, { kind: 'snapshots' }>;
  readonly #host: EngineHost;
  readonly #ledger: FrameLedger;

  private constructor(
    host: EngineHost,
    spec: Extract<SourceSpec, { kind: 'snapshots' }>,
    ledger: FrameLedger,
    first: ImageBitmap,
  ) {
    this.#host = host;
    this.#spec = spec;
    this.#ledger = ledger;
    this.info = {
      view: { displayWidth: first.width, displayHeight: first.height, orientation: UPRIGHT },
      fps: null,
      frames: spec.files.length,
      duration: null,
      codec: 'still',
    };
  }

  static async open(
    host: EngineHost,
    spec: Extract<SourceSpec, { kind: 'snapshots' }>,
    ledger: FrameLedger,
  ): Promise<StillsSource> {
    const first = await decodePicture(host, spec, 0);
    const source = new StillsSource(host, spec, ledger, first);
    first.close();
    return source;
  }

  async *frames(): AsyncGenerator<SourceFrame, void> {
    for (const [index, file] of this.#spec.files.entries()) {
      const bitmap = await decodePicture(this.#host, this.#spec, index);
      const frame = this.#ledger.own(
        new VideoFrame(bitmap, { timestamp: index * 1e6, duration: 1e6, alpha: 'discard' }),
      );
      bitmap.close();
      const view = {
        displayWidth: frame.displayWidth,
        displayHeight: frame.displayHeight,
        orientation: UPRIGHT,
      };
      yield { frame, index, view, file };
    }
  }

  async loss(): Promise<null> {
    return null;
  }

  close(): void {}
}

/** The picture upright by its EXIF, samples as stored: a colour profile would change what the model was trained on. */
async function decodePicture(
  host: EngineHost,
  spec: Extract<SourceSpec, { kind: 'snapshots' }>,
  index: number,
): Promise<ImageBitmap> {
  const blob = await host.readPicture(spec, index);
  try {
    return await createImageBitmap(blob, { colorSpaceConversion: 'none', premultiplyAlpha: 'none' });
  } catch (error) {
    throw new EdgeRunnerError(
      'input-not-media',
      `${spec.files[index]} is not a picture that this browser can read.`,
      'Give JPEG, PNG, WebP, AVIF or GIF files.',
      { cause: error },
    );
  }
}
