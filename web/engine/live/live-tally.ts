import type { FrameLedger } from '../pipeline/frame-ledger.ts';
import { type Meter, StageMeter } from '../pipeline/meter.ts';
import { paced } from '../pipeline/pace.ts';
import type { FrameClock } from './frame-clock.ts';
import type { LiveReport } from './live-messages.ts';

/** Milliseconds between two reports. */
const INTERVAL = 500;

/** What a live run is measured by besides. */
interface Measured {
  ledger: FrameLedger;
  meter: Meter;
  clock: FrameClock;
}

/** What of a frame that goes out is told. */
type Sizes = Pick<LiveReport, 'width' | 'height' | 'source'>;

/** Counts what goes through a live run, and reports on it: from its first frame on, also while none comes. */
export class LiveTally {
  readonly #measured: Measured;
  readonly #tell: (report: LiveReport) => void;
  readonly close: () => void;
  #sizes: Sizes | null = null;
  #began = performance.now();
  #droppedBefore = 0;
  #came = 0;
  #frames = 0;
  #looked = 0;
  #latency = new StageMeter();

  constructor(measured: Measured, tell: (report: LiveReport) => void) {
    this.#measured = measured;
    this.#tell = tell;
    this.close = paced(INTERVAL, () => this.#report());
  }

  /** The source gave a frame. */
  came(): void {
    this.#came++;
  }

  /** Inference has looked at a frame. */
  looked(): void {
    this.#looked++;
  }

  goesOut({ displayWidth: width, displayHeight: height }: VideoFrame, source: LiveReport['source']): void {
    this.#frames++;
    this.#sizes = { width, height, source };
  }

  /** @param ms that a frame took from coming in to being handed on. */
  wentOut(ms: number): void {
    this.#latency.add(ms);
  }

  #report(): void {
    const { ledger, meter, clock } = this.#measured;
    const now = performance.now();
    if (this.#sizes)
      this.#tell({
        ...this.#sizes,
        seconds: (now - this.#began) / 1000,
        ...{ came: this.#came, frames: this.#frames, looked: this.#looked },
        dropped: clock.dropped - this.#droppedBefore,
        openFrames: ledger.open,
        latency: this.#latency.count > 0 ? this.#latency.report() : null,
        stages: meter.take(),
      });
    this.#began = now;
    this.#droppedBefore = clock.dropped;
    this.#came = this.#frames = this.#looked = 0;
    this.#latency = new StageMeter();
  }
}
