import {
  type BackendChoice,
  type BannerInput,
  EdgeRunnerError,
  type FrameEvent,
  parseBanner,
} from '../../protocol/index.ts';
import type {
  FromLiveWorker,
  LiveReport,
  LiveSetup,
  LiveState,
  ToLiveWorker,
} from '../engine/live/live-messages.ts';
import { type LiveStage, planLive } from '../engine/live/live-plan.ts';
import { trackOfFrames } from './frames-track.ts';
import { missingFor } from './missing.ts';
import { framesOf, type TrackFrames } from './track-frames.ts';

export interface LiveProcessorOptions {
  /** What is done with the picture, one after the other. Default: nothing. */
  stages?: readonly LiveStage[];
  /** Default: `auto`, the GPU where there is one. */
  backend?: BackendChoice;
  /** Folder of onnxruntime-web's wasm files, which are in its package under `dist/`. Default: `/ort/`. */
  ortBase?: string;
  /** Folder of the models' files; those that come with the package lie there in `models/demo/`. Default: `/models/`. */
  modelBase?: string;
  /** Of every frame that inference has looked at. */
  onEvent?(event: FrameEvent): void;
  /** Twice a second. */
  onReport?(report: LiveReport): void;
  onState?(state: LiveState): void;
  /** What else may be worth telling the person who watches. */
  onLog?(message: string): void;
  /** The track that is processed has ended, or sends nothing for a while. */
  onSource?(what: 'ended' | 'muted' | 'unmuted'): void;
  /** Whoever has the track that came out stopped it. Nothing comes any more; what goes on is another processor's. */
  onStopped?(): void;
}

/**
 * Makes a processed video track of a video track. The engine runs in a worker of its own; each frame goes out as soon as
 * it is drawn and never waits for a model. What fails is told, and the picture goes on as it came in.
 *
 * ```ts
 * const processor = new LiveProcessor({ stages: [{ kind: 'detect', options: { model: 'street-yolo' } }, { kind: 'overlay' }] });
 * video.srcObject = new MediaStream([await processor.process(camera.getVideoTracks()[0])]);
 * ```
 */
export class LiveProcessor {
  readonly #options: LiveProcessorOptions;
  #stages: readonly LiveStage[];
  #open: Promise<OpenWorker> | null = null;
  #source: { track: MediaStreamTrack; frames: TrackFrames; unlisten(): void } | null = null;
  #inset: TrackFrames | null = null;
  #isStopped = false;
  #closing: Promise<void> | null = null;

  constructor(options: LiveProcessorOptions = {}) {
    this.#options = options;
    this.#stages = options.stages ?? [];
  }

  /**
   * Processes a track, in the place of the one before if there was one: the track that comes out stays the same.
   * @param track of a camera, a screen, a connection, a canvas; it stays the caller's, who stops it.
   * @throws {EdgeRunnerError} `browser-lacks`, naming what; `job-invalid` and its kin for stages that cannot be;
   *   `engine-fault` when the worker cannot be loaded; `usage` when the track that came out was stopped.
   */
  async process(track: MediaStreamTrack): Promise<MediaStreamTrack> {
    if (this.#closing) throw new Error('the processor was closed');
    const missing = missingFor('live');
    if (missing) throw EdgeRunnerError.fromRecord(missing);
    if (track.kind !== 'video')
      throw new EdgeRunnerError('usage', `This is a track of ${track.kind}.`, 'Give a video track.');
    if (this.#isStopped) throw outputStopped();
    planLive(this.#stages);
    this.#open ??= this.#openWorker();
    const { worker, output, readsTracks } = await this.#open;
    // A source may name its track twice; frames of one that is handed over again at once would be lost on the way.
    if (this.#source?.track === track) return output;
    const frames = await framesOf(track, readsTracks, (frame) =>
      post(worker, { type: 'frame', frame, of: 'source' }, [frame]),
    );
    this.#releaseSource();
    this.#source = { track, frames, unlisten: this.#listenTo(track) };
    post(worker, { type: 'source', source: frames.input }, frames.transfer);
    return output;
  }

  /**
   * Other stages, from the next frames on; where other models have to be loaded, the ones before stay until then.
   * @throws {EdgeRunnerError} `job-invalid` and its kin; everything stays as it was then.
   */
  setStages(stages: readonly LiveStage[]): void {
    planLive(stages);
    this.#stages = stages;
    this.#open?.then(({ worker }) => post(worker, { type: 'stages', stages })).catch(() => {});
  }

  /**
   * What lies over the picture from now on, in place of the banner that the stages or an earlier call had; layers come and
   * go as they are animated.
   * @throws {EdgeRunnerError} `banner-invalid`
   */
  setBanner(banner: BannerInput): void {
    const state = parseBanner(banner);
    this.#stages = [
      ...this.#stages.filter(({ kind }) => kind !== 'banner'),
      { kind: 'banner', options: state },
    ];
    this.#open?.then(({ worker }) => post(worker, { type: 'banner', banner: state })).catch(() => {});
  }

  /**
   * The second picture, for the banner's layer `picture-in-picture`. To be called while a track is processed.
   * @param track stays the caller's; null for none.
   */
  async setInset(track: MediaStreamTrack | null): Promise<void> {
    if (!this.#open || this.#closing) return;
    const { worker, readsTracks } = await this.#open;
    this.#inset?.release();
    this.#inset =
      track &&
      (await framesOf(track, readsTracks, (frame) =>
        post(worker, { type: 'frame', frame, of: 'inset' }, [frame]),
      ));
    post(worker, { type: 'inset', source: this.#inset?.input ?? null }, this.#inset?.transfer);
  }

  /** Ends everything that was opened; the track that was processed goes on. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#releaseSource();
    this.#inset?.release();
    const open = await this.#open?.catch(() => null);
    if (!open) return;
    post(open.worker, { type: 'close' });
    await open.closed;
    open.output.stop();
  }

  async #openWorker(): Promise<OpenWorker> {
    const worker = new Worker(new URL('../engine/live/live-worker.ts', import.meta.url), {
      type: 'module',
      name: 'live',
    });
    const { backend = 'auto', ortBase = '/ort/', modelBase = '/models/' } = this.#options;
    const absolute = (address: string) => new URL(address, document.baseURI).href;
    const setup: LiveSetup = {
      ...{ stages: this.#stages, backend },
      ...{ ortBase: absolute(ortBase), modelBase: absolute(modelBase) },
    };
    return new Promise((resolve, reject) => {
      let readsTracks = false;
      let close = () => {};
      const closed = new Promise<void>((done) => {
        close = done;
      });
      const opened = (output: MediaStreamTrack) => resolve({ worker, output, readsTracks, closed });
      worker.onerror = (event) => {
        event.preventDefault();
        const error = workerStopped(event.message);
        reject(error);
        close();
        worker.terminate();
        this.#options.onState?.({ state: 'failed', error: error.toRecord() });
      };
      worker.onmessage = ({ data }: MessageEvent<FromLiveWorker>) => {
        if (data.type === 'ready') {
          readsTracks = data.readsTracks;
          const { output, transfer, track } = trackOfFrames(data.makesTracks);
          post(worker, { type: 'open', setup, output }, transfer);
          if (track) opened(track);
        } else if (data.type === 'track') opened(data.track);
        else if (data.type === 'closed') close();
        else this.#hear(data);
      };
    });
  }

  #hear(message: Exclude<FromLiveWorker, { type: 'ready' | 'track' | 'closed' }>): void {
    const { onState, onEvent, onReport, onLog, onSource, onStopped } = this.#options;
    switch (message.type) {
      case 'state':
        onState?.(message);
        break;
      case 'events':
        for (const line of message.lines) onEvent?.(line);
        break;
      case 'report':
        onReport?.(message.report);
        break;
      case 'log':
        onLog?.(message.message);
        break;
      case 'ended':
        onSource?.('ended');
        break;
      case 'stopped':
        if (this.#closing) break;
        this.#isStopped = true;
        this.#releaseSource();
        onLog?.(`nobody takes the picture any more: ${message.why}`);
        onStopped?.();
        break;
    }
  }

  #listenTo(track: MediaStreamTrack): () => void {
    const { onSource } = this.#options;
    const muted = () => onSource?.('muted');
    const unmuted = () => onSource?.('unmuted');
    track.addEventListener('mute', muted);
    track.addEventListener('unmute', unmuted);
    return () => {
      track.removeEventListener('mute', muted);
      track.removeEventListener('unmute', unmuted);
    };
  }

  #releaseSource(): void {
    this.#source?.unlisten();
    this.#source?.frames.release();
    this.#source = null;
  }
}

interface OpenWorker {
  worker: Worker;
  output: MediaStreamTrack;
  /** Whether it can read tracks itself. */
  readsTracks: boolean;
  closed: Promise<void>;
}

const post = (worker: Worker, message: ToLiveWorker, transfer: Transferable[] = []) =>
  worker.postMessage(message, transfer);

const outputStopped = () =>
  new EdgeRunnerError('usage', 'The picture that came out was stopped.', 'Make another one of these.');

const workerStopped = (message: string | undefined) =>
  new EdgeRunnerError(
    'engine-fault',
    `The engine's worker stopped: ${message || 'it could not be loaded'}.`,
    "Load the page anew; a page of your own serves edge-runner's files from its own origin.",
  );
