import { EdgeRunnerError } from '../../../protocol/index.ts';
import { fetchModel } from './fetch-model.ts';
import { type OpenSink, openSink } from './frame-sinks.ts';
import type { FromLiveWorker, ToLiveWorker } from './live-messages.ts';
import { LiveReader } from './live-reader.ts';
import { LiveRun } from './live-run.ts';

/** The engine of one live picture, in its worker. */
class LiveWorker {
  readonly #run: LiveRun;
  readonly #output: OpenSink;
  readonly #source: LiveReader;
  readonly #inset: LiveReader;

  constructor({ setup, output }: Extract<ToLiveWorker, { type: 'open' }>) {
    this.#output = openSink(output);
    if (this.#output.track) tell({ type: 'track', track: this.#output.track }, [this.#output.track]);
    this.#run = new LiveRun(
      setup,
      (name, gone) => fetchModel(name, setup.modelBase, gone),
      this.#output.sink,
      tell,
    );
    this.#source = new LiveReader((readable, signal) => this.#run.run(readable, signal).catch(brokeOff));
    this.#inset = new LiveReader((readable, signal) => this.#run.runInset(readable, signal).catch(brokeOff));
  }

  hear(message: Exclude<ToLiveWorker, { type: 'open' }>): void {
    switch (message.type) {
      case 'source':
        this.#source
          .read(message.source)
          .then((ended) => ended && !this.#run.isStopped && tell({ type: 'ended' }));
        break;
      case 'inset':
        if (message.source) this.#inset.read(message.source);
        else this.#inset.stop();
        break;
      case 'stages':
        this.#run.setStages(message.stages);
        break;
      case 'banner':
        this.#run.setBanner(message.banner);
        break;
      case 'frame':
        (message.of === 'source' ? this.#source : this.#inset).push(message.frame);
        break;
      case 'close':
        this.#close();
        break;
    }
  }

  async #close(): Promise<void> {
    await Promise.all([this.#source.stop(), this.#inset.stop()]);
    await this.#run.close();
    await this.#output.close();
    tell({ type: 'closed' });
    self.close();
  }
}

const brokeOff = (error: unknown) =>
  tell({ type: 'log', message: `the source broke off: ${error instanceof Error ? error.message : error}` });

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
