import { EdgeRunnerError } from '../../../protocol/index.ts';
import { fetchModel } from './fetch-model.ts';
import { type OpenSink, openSink } from './frame-sinks.ts';
import type { FromLiveWorker, LiveInput, ToLiveWorker } from './live-messages.ts';
import { LiveRun } from './live-run.ts';

/** The engine of one live picture, in its worker. */
class LiveWorker {
  readonly #run: LiveRun;
  readonly #output: OpenSink;
  /** Of the source that is read. */
  #reading: { abort: AbortController; done: Promise<void> } | null = null;
  /** Where frames that come in messages go. */
  #frames: ReadableStreamDefaultController<VideoFrame> | null = null;

  constructor({ setup, output }: Extract<ToLiveWorker, { type: 'open' }>) {
    this.#output = openSink(output);
    if (this.#output.track) tell({ type: 'track', track: this.#output.track }, [this.#output.track]);
    this.#run = new LiveRun(setup, (name) => fetchModel(name, setup.modelBase), this.#output.sink, tell);
  }

  hear(message: Exclude<ToLiveWorker, { type: 'open' }>): void {
    switch (message.type) {
      case 'source':
        this.#read(message.source);
        break;
      case 'stages':
        this.#run.setStages(message.stages);
        break;
      case 'frame':
        this.#push(message.frame);
        break;
      case 'close':
        this.#close();
        break;
    }
  }

  async #read(source: LiveInput): Promise<void> {
    const before = this.#reading;
    const abort = new AbortController();
    const done = this.#readAfter(before, source, abort.signal);
    this.#reading = { abort, done };
    await done;
    if (this.#reading?.abort === abort) tell({ type: 'ended' });
  }

  async #readAfter(
    before: { abort: AbortController; done: Promise<void> } | null,
    source: LiveInput,
    signal: AbortSignal,
  ) {
    before?.abort.abort();
    await before?.done;
    await this.#run.run(this.#streamOf(source), signal).catch((error: unknown) => {
      tell({
        type: 'log',
        message: `the source broke off: ${error instanceof Error ? error.message : error}`,
      });
    });
  }

  #streamOf(source: LiveInput): ReadableStream<VideoFrame> {
    switch (source.kind) {
      case 'stream':
        return source.readable;
      case 'track':
        return new MediaStreamTrackProcessor({ track: source.track as MediaStreamVideoTrack }).readable;
      case 'frames':
        return new ReadableStream<VideoFrame>({
          start: (controller) => {
            this.#frames = controller;
          },
          cancel: () => {
            this.#frames = null;
          },
        });
    }
  }

  /** Of frames that come one by one, those that nobody has taken up make room. */
  #push(frame: VideoFrame): void {
    if (this.#frames && (this.#frames.desiredSize ?? 0) > 0) this.#frames.enqueue(frame);
    else frame.close();
  }

  async #close(): Promise<void> {
    this.#reading?.abort.abort();
    await this.#reading?.done;
    await this.#run.close();
    await this.#output.close();
    tell({ type: 'closed' });
    self.close();
  }
}

function tell(message: FromLiveWorker, transfer: Transferable[] = []): void {
  self.postMessage(message, { transfer });
}

let live: LiveWorker | null = null;

self.onmessage = ({ data }: MessageEvent<ToLiveWorker>) => {
  try {
    if (data.type === 'open') live = new LiveWorker(data);
    else live?.hear(data);
  } catch (error) {
    tell({ type: 'state', state: 'failed', error: EdgeRunnerError.from(error).toRecord() });
  }
};

tell({
  type: 'ready',
  readsTracks: 'MediaStreamTrackProcessor' in self,
  makesTracks: 'VideoTrackGenerator' in self,
});
