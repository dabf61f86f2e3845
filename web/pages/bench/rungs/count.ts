import type { RungRequest, RungResult } from './request.ts';

/** Counts frames and takes the time of those after the warm-up. */
export class Count {
  readonly #warmUp: number;
  readonly #length: number;
  readonly #start = performance.now();
  #began: number | null = null;
  #ended = 0;
  #frames = 0;

  constructor({ warmUp, seconds }: Pick<RungRequest, 'warmUp' | 'seconds'>) {
    this.#warmUp = warmUp * 1000;
    this.#length = seconds * 1000;
  }

  /** Whether the warm-up is over. */
  get counting(): boolean {
    return this.#began !== null;
  }

  /** @param frames done since the last call. @returns true once it is enough. */
  tick(frames = 1): boolean {
    if (this.#ended > 0) return true;
    const now = performance.now();
    if (this.#began === null) {
      if (now - this.#start >= this.#warmUp) this.#began = now;
      return false;
    }
    this.#frames += frames;
    if (now - this.#began < this.#length) return false;
    this.#ended = now;
    return true;
  }

  result(): RungResult {
    const [began, ended] = [this.#began ?? this.#ended, this.#ended];
    return {
      frames: this.#frames,
      seconds: (ended - began) / 1000,
      began: performance.timeOrigin + began,
      ended: performance.timeOrigin + ended,
    };
  }
}

/** After so much work the worker's other tasks have their turn: memory of closed frames goes back in one. Milliseconds. */
const SLICE = 8;

/** The same work again and again. */
export async function repeat(
  request: RungRequest,
  work: () => Promise<unknown> | unknown,
): Promise<RungResult> {
  const count = new Count(request);
  const { port1, port2 } = new MessageChannel();
  try {
    let began = performance.now();
    while (true) {
      await work();
      if (count.tick()) return count.result();
      if (performance.now() - began < SLICE) continue;
      await new Promise((resolve) => {
        port1.onmessage = resolve;
        port2.postMessage(null);
      });
      began = performance.now();
    }
  } finally {
    port1.close();
  }
}
