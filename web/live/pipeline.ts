import { type BannerInput, EdgeRunnerError } from '../../protocol/index.ts';
import type { LiveReport } from '../engine/live/live-messages.ts';
import type { LiveStage } from '../engine/live/live-plan.ts';
import { SoundInStep } from './audio.ts';
import { LiveProcessor, type LiveProcessorOptions } from './live-processor.ts';
import { missingFor } from './missing.ts';
import { type LiveSource, openSource } from './sources/index.ts';
import type { OpenSource } from './sources/source.ts';

export interface PipelineOptions extends Omit<LiveProcessorOptions, 'onSource' | 'onStopped'> {
  source: LiveSource;
  /** Shows what comes out; leave it out to take {@link Pipeline.stream} elsewhere. */
  output?: HTMLVideoElement;
  /** What is wrong with a source, until it is null again: it goes on by itself as soon as it can. */
  onTrouble?(trouble: EdgeRunnerError | null): void;
}

/**
 * A live picture from its source through the stages to where it is shown, with its sound in step.
 *
 * ```ts
 * const pipeline = await createPipeline({
 *   source: { kind: 'camera' },
 *   stages: [{ kind: 'detect', options: { model: 'street-yolo' } }, { kind: 'overlay' }],
 *   output: document.querySelector('video'),
 * });
 * ```
 * @throws {EdgeRunnerError} a code, a sentence for whoever sits before the page, and what to do about it: of the source,
 *   of the stages, of what the browser lacks. Nothing stays open then.
 */
export async function createPipeline(options: PipelineOptions): Promise<Pipeline> {
  const pipeline = new Pipeline(options);
  try {
    await pipeline.setSource(options.source);
    if (options.output) {
      options.output.srcObject = pipeline.stream;
      // It plays when the first picture comes. Where the browser lets nothing play before a gesture, its own controls start it.
      options.output.play().catch(() => {});
    }
    return pipeline;
  } catch (error) {
    await pipeline.close();
    throw error;
  }
}

/** Milliseconds without a picture after which that is told. */
const STANDSTILL = 4_000;

/** A live picture that runs. */
export class Pipeline {
  /** What comes out: the processed picture, and the sound. The same for as long as the pipeline is open. */
  readonly stream = new MediaStream();
  readonly #options: PipelineOptions;
  readonly #processor: LiveProcessor;
  #source: OpenSource | null = null;
  #inset: OpenSource | null = null;
  #sound: SoundInStep | null = null;
  /** Counts the sources that were asked for: one that opens late finds that another one is wanted. */
  #wanted = 0;
  #wantedInset = 0;
  #closed = false;
  #hidden: { at: number; pictures: number } | null = null;
  /** What is not over. */
  readonly #troubles: Record<'source' | 'inset', EdgeRunnerError | null> = { source: null, inset: null };
  /** Pictures that came out so far, and when the tab was hidden. */
  #pictures = 0;
  #cameAt = 0;

  /** Use {@link createPipeline}. */
  constructor(options: PipelineOptions) {
    this.#options = options;
    document.addEventListener('visibilitychange', this.#seeHiding);
    this.#processor = new LiveProcessor({
      ...options,
      onReport: (report) => this.#hearReport(report),
      onSource: (what) => this.#hearSource(what),
      onStopped: () => {
        this.#source?.close();
        this.#source = null;
        this.#tellTrouble('source', STOPPED);
      },
    });
  }

  /** What is read, once it is open. */
  get source(): OpenSource | null {
    return this.#source;
  }

  /** Takes another source; the one before goes on until that one is open. @throws as {@link createPipeline} */
  async setSource(source: LiveSource): Promise<void> {
    const wanted = ++this.#wanted;
    let opened: OpenSource | null = null;
    opened = await openSource(source, {
      onStream: (stream) => {
        if (this.#source === opened)
          this.#take(stream).catch((error: unknown) =>
            this.#tellTrouble('source', EdgeRunnerError.from(error)),
          );
      },
      onTrouble: (trouble) => {
        if (opened && this.#source === opened) this.#tellTrouble('source', trouble);
      },
    });
    if (this.#closed || wanted !== this.#wanted) return opened.close();
    try {
      await this.#take(opened.stream);
    } catch (error) {
      opened.close();
      throw error;
    }
    // Another one came while this one was taken.
    if (this.#closed || wanted !== this.#wanted) return opened.close();
    this.#source?.close();
    this.#source = opened;
    this.#tellTrouble('source', null);
  }

  /** @throws {EdgeRunnerError} `job-invalid` and its kin; everything stays as it was then. */
  setStages(stages: readonly LiveStage[]): void {
    this.#processor.setStages(stages);
  }

  /** What lies over the picture from now on. @throws {EdgeRunnerError} `banner-invalid` */
  setBanner(banner: BannerInput): void {
    this.#processor.setBanner(banner);
  }

  /** A second picture, for the banner's layer `picture-in-picture`. @throws as {@link createPipeline} */
  async setInset(source: LiveSource | null): Promise<void> {
    const wanted = ++this.#wantedInset;
    let opened: OpenSource | null = null;
    if (source)
      opened = await openSource(source, {
        onStream: (stream) => {
          if (this.#inset === opened)
            this.#takeInset(stream).catch((error: unknown) =>
              this.#tellTrouble('inset', EdgeRunnerError.from(error)),
            );
        },
        onTrouble: (trouble) => {
          if (opened && this.#inset === opened) this.#tellTrouble('inset', trouble);
        },
      });
    if (this.#closed || wanted !== this.#wantedInset) return opened?.close();
    try {
      await this.#takeInset(opened?.stream ?? null);
    } catch (error) {
      opened?.close();
      throw error;
    }
    // Another one came while this one was taken.
    if (this.#closed || wanted !== this.#wantedInset) return opened?.close();
    this.#inset?.close();
    this.#inset = opened;
    this.#tellTrouble('inset', null);
  }

  /** Ends everything, the source too where it was opened here. */
  async close(): Promise<void> {
    this.#closed = true;
    document.removeEventListener('visibilitychange', this.#seeHiding);
    this.#source?.close();
    this.#inset?.close();
    this.#sound?.close();
    for (const track of this.stream.getTracks()) track.stop();
    const { output } = this.#options;
    if (output?.srcObject === this.stream) output.srcObject = null;
    await this.#processor.close();
  }

  #takeInset(stream: MediaStream | null): Promise<void> {
    return this.#processor.setInset((stream && pictureOf(stream)) ?? null);
  }

  async #take(stream: MediaStream): Promise<void> {
    const picture = pictureOf(stream);
    if (!picture)
      throw new EdgeRunnerError('input-no-video', 'The source has no picture.', 'Choose one with video.');
    this.#show(await this.#processed(picture));
    this.#takeSound(stream);
  }

  #takeSound(stream: MediaStream): void {
    if (stream.getAudioTracks().length > 0 && !this.#sound) {
      const missing = missingFor('sound');
      if (missing) {
        this.#options.onLog?.(missing.message);
        return;
      }
      this.#sound = new SoundInStep();
      this.stream.addTrack(this.#sound.track);
    }
    this.#sound?.from(stream);
    if (this.#sound && !this.#sound.runs) this.#startSoundAtGesture(this.#sound);
  }

  /** Where the browser lacks what it takes, the picture as it came is better than none. */
  async #processed(picture: MediaStreamTrack): Promise<MediaStreamTrack> {
    const missing = missingFor('live');
    if (!missing) return this.#processor.process(picture);
    this.#options.onState?.({ state: 'failed', error: missing });
    return picture.clone();
  }

  #show(track: MediaStreamTrack): void {
    const [before] = this.stream.getVideoTracks();
    if (before === track) return;
    if (before) {
      this.stream.removeTrack(before);
      before.stop();
    }
    this.stream.addTrack(track);
  }

  /** A page may make sound only after somebody has touched it. */
  #startSoundAtGesture(sound: SoundInStep): void {
    const start = () => sound.resume();
    for (const gesture of ['pointerdown', 'keydown']) addEventListener(gesture, start, { once: true });
  }

  #hearReport(report: LiveReport): void {
    this.#pictures += report.frames;
    this.#seeStandstill(report.came);
    if (report.latency) this.#sound?.follow(report.latency.p50 + (this.#source?.soundLead ?? 0));
    this.#options.onReport?.(report);
  }

  #hearSource(what: 'ended' | 'muted' | 'unmuted'): void {
    // One whose stream was replaced meanwhile.
    if (what === 'ended' && this.#source && pictureOf(this.#source.stream)?.readyState === 'live') return;
    if (what === 'unmuted') this.#tellTrouble('source', null);
    // A camera that was unplugged has said so by now, with more to it.
    else if (!this.#troubles.source) this.#tellTrouble('source', what === 'muted' ? MUTED : ENDED);
  }

  /** A source may stop to send without a word. */
  #seeStandstill(came: number): void {
    const now = performance.now();
    const source = this.#source;
    if (came > 0 || !source || source.mayStandStill || source.player?.paused) {
      this.#cameAt = now;
      if (this.#troubles.source === STANDS) this.#tellTrouble('source', null);
    } else if (now - this.#cameAt > STANDSTILL && !this.#troubles.source) {
      this.#tellTrouble('source', STANDS);
      source.revive?.();
    }
  }

  /** The engine is in a worker, which goes on; whoever looks again should know what happened meanwhile. */
  readonly #seeHiding = () => {
    if (document.hidden) {
      this.#hidden = { at: performance.now(), pictures: this.#pictures };
    } else if (this.#hidden) {
      const seconds = Math.round((performance.now() - this.#hidden.at) / 1000);
      const pictures = this.#pictures - this.#hidden.pictures;
      this.#hidden = null;
      this.#options.onLog?.(`the tab was hidden for ${seconds} s, and made ${pictures} pictures meanwhile`);
    }
  };

  #tellTrouble(of: 'source' | 'inset', trouble: EdgeRunnerError | null): void {
    // What is well again has its time to show it.
    if (of === 'source' && !trouble) this.#cameAt = performance.now();
    this.#troubles[of] = trouble;
    if (!this.#closed) this.#options.onTrouble?.(this.#troubles.source ?? this.#troubles.inset);
  }
}

/** A stream may keep tracks that have ended beside the one that lives. */
const pictureOf = (stream: MediaStream): MediaStreamTrack | undefined => {
  const tracks = stream.getVideoTracks();
  return tracks.find(({ readyState }) => readyState === 'live') ?? tracks[0];
};

const STANDS = new EdgeRunnerError(
  'connection-lost',
  'Nothing comes from the source just now.',
  'It goes on as soon as something does; if it stays so, take it again, or another one.',
);

const MUTED = new EdgeRunnerError(
  'connection-lost',
  'The source sends nothing just now.',
  'It goes on as soon as something comes.',
);

const ENDED = new EdgeRunnerError(
  'source-ended',
  'The source has ended.',
  'Choose another one, or the same again.',
);

const STOPPED = new EdgeRunnerError('source-ended', 'Whoever took the picture stopped it.', 'Open it anew.');
