/** One frame, or one packet of sound. */
export interface SampleFacts {
  /** Ticks of the track's time scale that it lasts. */
  ticks: number;
  bytes: number;
  /** Can be decoded without others. */
  key: boolean;
}

/** What is to be said of all samples of a track, gathered one by one in decoding order. */
export class SampleStats {
  samples = 0;
  bytes = 0;
  ticks = 0;
  keyframes = 0;
  #longestGop = 0;
  #longestGopTicks = 0;
  #gop = 0;
  #gopTicks = 0;
  #shortest = Infinity;
  #longest = 0;
  /** Duration of the latest sample: the last of all often lasts as long as the muxer likes, and is not compared. */
  #latest: number | null = null;

  add({ ticks, bytes, key }: SampleFacts): void {
    if (this.#latest !== null) {
      this.#shortest = Math.min(this.#shortest, this.#latest);
      this.#longest = Math.max(this.#longest, this.#latest);
    }
    this.#latest = ticks;
    if (key) {
      this.#closeGop();
      this.keyframes++;
    }
    this.#gop++;
    this.#gopTicks += ticks;
    this.samples++;
    this.bytes += bytes;
    this.ticks += ticks;
  }

  /** Many samples of which only the sum matters, in one step: an hour of uncompressed sound has 170 million. */
  addSum(samples: number, bytes: number, ticks: number): void {
    this.samples += samples;
    this.bytes += bytes;
    this.ticks += ticks;
  }

  /** Samples from a keyframe to the next, or to the end, at most. */
  get longestGop(): { samples: number; ticks: number } {
    const open = this.keyframes > 0;
    return {
      samples: Math.max(this.#longestGop, open ? this.#gop : 0),
      ticks: Math.max(this.#longestGopTicks, open ? this.#gopTicks : 0),
    };
  }

  /** Container clocks round: 30 frames a second in milliseconds are 33 and 34. One tick apart is the same. */
  get uneven(): boolean {
    return this.#longest - this.#shortest > 1.5;
  }

  #closeGop(): void {
    // Frames before the first keyframe cannot be decoded: they are no group.
    if (this.keyframes > 0) {
      this.#longestGop = Math.max(this.#longestGop, this.#gop);
      this.#longestGopTicks = Math.max(this.#longestGopTicks, this.#gopTicks);
    }
    this.#gop = 0;
    this.#gopTicks = 0;
  }
}
