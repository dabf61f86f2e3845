import type { LiveInput } from './live-messages.ts';

/** Takes all frames of a stream, until it ends or the signal says so. */
export type Take = (readable: ReadableStream<VideoFrame>, signal: AbortSignal) => Promise<void>;

interface Reading {
  abort: AbortController;
  done: Promise<void>;
}

/** Reads one picture: a source after the other, each let go before the next is read. */
export class LiveReader {
  readonly #take: Take;
  #reading: Reading | null = null;
  /** Where the next frame that comes in a message goes; null while nobody reads. */
  #frames: ReadableStreamDefaultController<VideoFrame> | null = null;

  constructor(take: Take) {
    this.#take = take;
  }

  /** @returns whether the source ended by itself: not so when another one took its place. */
  async read(source: LiveInput): Promise<boolean> {
    const before = this.#reading;
    const abort = new AbortController();
    const done = this.#readAfter(before, source, abort.signal);
    this.#reading = { abort, done };
    await done;
    return !abort.signal.aborted;
  }

  /** Of frames that come one by one, those that nobody waits for are let go. */
  push(frame: VideoFrame): void {
    const reading = this.#frames;
    this.#frames = null;
    if (reading) reading.enqueue(frame);
    else frame.close();
  }

  async stop(): Promise<void> {
    this.#reading?.abort.abort();
    await this.#reading?.done;
  }

  async #readAfter(before: Reading | null, source: LiveInput, signal: AbortSignal): Promise<void> {
    before?.abort.abort();
    await before?.done;
    try {
      await this.#take(this.#streamOf(source), signal);
    } finally {
      // A track that came over is this side's own copy: the page cannot stop it any more.
      if (source.kind === 'track') source.track.stop();
    }
  }

  #streamOf(source: LiveInput): ReadableStream<VideoFrame> {
    switch (source.kind) {
      case 'stream':
        return source.readable;
      case 'track':
        return new MediaStreamTrackProcessor({ track: source.track as MediaStreamVideoTrack }).readable;
      case 'frames':
        // No queue: what stands in one when the stream is cancelled would be closed by nobody.
        return new ReadableStream<VideoFrame>(
          {
            pull: (controller) => {
              this.#frames = controller;
            },
            cancel: () => {
              this.#frames = null;
            },
          },
          { highWaterMark: 0 },
        );
    }
  }
}
