import type { StageStats } from '../../../protocol/index.ts';

const BINS_PER_DECADE = 100;
const LEAST_MS = 1e-3;
const BINS = 8 * BINS_PER_DECADE;

/** Times and queue depths of every stage, measured by the pipeline itself; constant memory however long the run. */
export class Meter {
  #stages = new Map<string, StageMeter>();

  stage(name: string): StageMeter {
    let stage = this.#stages.get(name);
    if (!stage) {
      stage = new StageMeter();
      this.#stages.set(name, stage);
    }
    return stage;
  }

  /** What was measured since the last time, and starts anew. */
  take(): Record<string, StageStats> {
    const report = this.report();
    this.#stages.clear();
    return report;
  }

  report(): Record<string, StageStats> {
    return Object.fromEntries(
      [...this.#stages].filter(([, s]) => s.count > 0).map(([name, s]) => [name, s.report()]),
    );
  }
}

/** One stage: a histogram in logarithmic bins (2.3 % wide), so percentiles cost no memory per frame. */
export class StageMeter {
  count = 0;
  #total = 0;
  #max = 0;
  #bins = new Uint32Array(BINS);
  #depthCount = 0;
  #depthTotal = 0;
  #depthMax = 0;

  /** Records a duration in milliseconds. */
  add(ms: number): void {
    this.count++;
    this.#total += ms;
    this.#max = Math.max(this.#max, ms);
    const bin = Math.floor(Math.log10(Math.max(ms, LEAST_MS) / LEAST_MS) * BINS_PER_DECADE);
    this.#bins[Math.min(bin, BINS - 1)]!++;
  }

  /** Records how many stand in the queue before this stage. */
  queue(depth: number): void {
    this.#depthCount++;
    this.#depthTotal += depth;
    this.#depthMax = Math.max(this.#depthMax, depth);
  }

  /** Measures `work`; the time counts also when it throws. */
  async time<T>(work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    try {
      return await work();
    } finally {
      this.add(performance.now() - start);
    }
  }

  report(): StageStats {
    const round = (ms: number) => Math.round(ms * 1000) / 1000;
    return {
      count: this.count,
      mean: round(this.#total / this.count),
      p50: round(this.#percentile(0.5)),
      p95: round(this.#percentile(0.95)),
      max: round(this.#max),
      total: round(this.#total),
      ...(this.#depthCount > 0 && {
        queueMean: round(this.#depthTotal / this.#depthCount),
        queueMax: this.#depthMax,
      }),
    };
  }

  #percentile(share: number): number {
    let left = share * this.count;
    for (let bin = 0; bin < BINS; bin++) {
      left -= this.#bins[bin]!;
      if (left <= 0) return Math.min(LEAST_MS * 10 ** ((bin + 0.5) / BINS_PER_DECADE), this.#max);
    }
    return this.#max;
  }
}

/**
 * Service time of a serial stage that is fed asynchronously (a decoder, an encoder): from when it could start on an
 * item, that is when it got it or had finished the one before, to when it was done. Waiting in the queue is left out.
 */
export class ServiceClock {
  #stage: StageMeter;
  #idleSince = 0;

  constructor(stage: StageMeter) {
    this.#stage = stage;
  }

  done(submitted: number): void {
    const now = performance.now();
    this.#stage.add(now - Math.max(submitted, this.#idleSince));
    this.#idleSince = now;
  }
}
