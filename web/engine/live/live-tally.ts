import type { FrameLedger } from '../pipeline/frame-ledger.ts';
import { type Meter, StageMeter } from '../pipeline/meter.ts';
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

/** Counts what goes through a live run, and reports on it. */
export class LiveTally {
  readonly #measured: Measured;
  readonly #tell: (report: LiveReport) => void;
  #began = performance.now();
  #droppedBefore = 0;
  #frames = 0;
  #looked = 0;
  #latency = new StageMeter();

  /** @param tell called with a report as soon as there are frames to report on. */
  constructor(measured: Measured, tell: (report: LiveReport) => void) {
    this.#measured = measured;
    this.#tell = tell;
  }

  /** Inference has looked at a frame. */
  looked(): void {
    this.#looked++;
  }

  /** @param now when it came in, milliseconds as `performance.now()` has them. */
  goesOut({ displayWidth, displayHeight }: VideoFrame, source: LiveReport['source'], now: number): void {
    this.#frames++;
    const elapsed = now - this.#began;
    if (elapsed < INTERVAL) return;
    const { ledger, meter, clock } = this.#measured;
    this.#tell({
      ...{ seconds: elapsed / 1000, frames: this.#frames, looked: this.#looked },
      dropped: clock.dropped - this.#droppedBefore,
      ...{ width: displayWidth, height: displayHeight, source },
      openFrames: ledger.open,
      latency: this.#latency.count > 0 ? this.#latency.report() : null,
      stages: meter.take(),
    });
    this.#began = now;
    this.#droppedBefore = clock.dropped;
    this.#frames = this.#looked = 0;
    this.#latency = new StageMeter();
  }

  /** @param ms that a frame took from coming in to being handed on. */
  wentOut(ms: number): void {
    this.#latency.add(ms);
  }
}
