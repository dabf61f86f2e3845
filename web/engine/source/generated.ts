import { packedLayout } from '../../../kernels/index.ts';
import type { Truth } from '../../../protocol/index.ts';
import { FrameLedger } from '../pipeline/frame-ledger.ts';
import type { Signal } from '../pipeline/signal.ts';
import type { FrameSource, FrameSourceInfo, Range, SourceFrame } from './frame-source.ts';

/** Size, pace and length of a source that is made instead of read. */
export interface GeneratedSpec {
  width: number;
  height: number;
  fps: number;
  frames: number;
}

export interface Painted {
  /** Packed I420, BT.709, limited range. */
  planes: ArrayBuffer;
  /** What is in the picture, where the painter knows. */
  truth?: Truth[];
}

/** Makes pictures by number. */
export interface Painter {
  /** What events call the source's codec. */
  readonly name: string;
  /** How many pictures it can work on at a time. */
  readonly parallel: number;
  paint(index: number): Promise<Painted> | Painted;
  close(): void;
}

/** Frames of a painter, at an even pace. */
export class GeneratedSource implements FrameSource {
  readonly info: FrameSourceInfo;
  readonly #spec: GeneratedSpec;
  readonly #painter: Painter;
  readonly #ledger: FrameLedger;
  readonly #closed: Signal;

  constructor(spec: GeneratedSpec, painter: Painter, ledger: FrameLedger, closed: Signal) {
    const { width, height, fps, frames } = spec;
    this.#spec = spec;
    this.#painter = painter;
    this.#ledger = ledger;
    this.#closed = closed;
    this.info = {
      view: { displayWidth: width, displayHeight: height, orientation: { rotation: 0, flip: false } },
      fps,
      frames,
      duration: frames / fps,
      codec: painter.name,
    };
  }

  async *frames({ start, end }: Range): AsyncGenerator<SourceFrame, void> {
    const { fps, frames } = this.#spec;
    const time = (index: number) => Math.round((index / fps) * 1e6);
    const before = (index: number, seconds: number) => index < frames && time(index) < seconds * 1e6 - 0.5;
    let first = 0;
    while (before(first, start)) first++;
    const painting: Promise<Painted>[] = [];
    for (let index = first; before(index, end); index++) {
      while (painting.length < this.#painter.parallel && before(index + painting.length, end)) {
        const painted = Promise.resolve(this.#painter.paint(index + painting.length));
        // A failure is met when its turn comes; until then it must not count as unhandled.
        painted.catch(() => {});
        painting.push(painted);
      }
      const { planes, truth } = await painting.shift()!;
      await this.#closed.until(() => this.#ledger.open < FrameLedger.LIMIT - 2);
      const frame = this.#frameOver(planes, time(index), time(index + 1) - time(index));
      yield {
        frame: this.#ledger.own(frame),
        index,
        view: this.info.view,
        ...(truth && { truth }),
      };
    }
  }

  async loss(): Promise<null> {
    return null;
  }

  close(): void {
    this.#painter.close();
  }

  #frameOver(planes: ArrayBuffer, timestamp: number, duration: number): VideoFrame {
    const { width, height } = this.#spec;
    const init: VideoFrameBufferInit & { transfer: ArrayBuffer[] } = {
      format: 'I420',
      codedWidth: width,
      codedHeight: height,
      timestamp,
      duration,
      layout: packedLayout('I420', width, height).layout,
      colorSpace: { primaries: 'bt709', transfer: 'bt709', matrix: 'bt709', fullRange: false },
      transfer: [planes],
    };
    return new VideoFrame(planes, init);
  }
}
