import type { LiveStats } from '../../../protocol/index.ts';
import { StageMeter } from './meter.ts';

/**
 * The clock of a live source: each frame comes when its timestamp says. As with a camera, a frame that the stages have
 * no time for until the next one is due is dropped, so that the picture never falls behind.
 */
export class Pace {
  readonly #latency = new StageMeter();
  #dropped = 0;
  /** When time 0 of the source was, in seconds of the page's clock. */
  #began: number | null = null;

  /**
   * Resolves when the frame is due.
   * @param time of the frame, seconds. @param interval to the next one, seconds.
   * @returns false for a frame that is to be dropped.
   */
  async admits(time: number, interval: number): Promise<boolean> {
    const now = performance.now() / 1000;
    this.#began ??= now - time;
    const wait = this.#began + time - now;
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait * 1000));
    if (-wait < interval) return true;
    this.#dropped++;
    return false;
  }

  /** The frame's events and picture have been handed on. */
  delivered(time: number): void {
    this.#latency.add(performance.now() - (this.#began! + time) * 1000);
  }

  report(): LiveStats {
    const began = performance.timeOrigin + (this.#began ?? 0) * 1000;
    return { began: Math.round(began), dropped: this.#dropped, latency: this.#latency.report() };
  }
}

/** Calls at an even pace of so many milliseconds, for what is shown while nothing else happens. @returns what ends it. */
export function paced(ms: number, call: () => void): () => void {
  const timer = setInterval(call, ms);
  return () => clearInterval(timer);
}
