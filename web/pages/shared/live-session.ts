import { signal } from '@preact/signals';
import {
  createPipeline,
  type LiveReport,
  type LiveSource,
  type LiveState,
  type Pipeline,
  type PipelineOptions,
} from 'edge-runner';
import { EdgeRunnerError, type ErrorRecord } from '../../../protocol/index.ts';
import { tell } from './log.tsx';

/** What a page wants of the pipeline that it opens. */
type Wanted = Pick<PipelineOptions, 'stages' | 'backend' | 'onEvent'>;

interface Opening {
  source: LiveSource;
  video: HTMLVideoElement;
}

/** The pipeline of a live page, and what the page shows of it. */
export class LiveSession {
  readonly phase = signal<'choosing' | 'opening' | 'running'>('choosing');
  readonly pipeline = signal<Pipeline | null>(null);
  readonly state = signal<LiveState>({ state: 'opening' });
  readonly report = signal<LiveReport | null>(null);
  /** Why a source could not be opened, or what was wrong with a wish. */
  readonly refusal = signal<ErrorRecord | null>(null);
  /** What is wrong with the source just now. */
  readonly trouble = signal<ErrorRecord | null>(null);
  /** Counts the sources that were opened: another one may have brought sound. */
  readonly sources = signal(0);
  readonly #wanted: () => Wanted;
  /** What is being opened; what was asked for before it and opens later is closed at once. */
  #opening: Opening | null = null;
  #shown: Opening | null = null;

  /** @param wanted asked when a pipeline is opened. */
  constructor(wanted: () => Wanted) {
    this.#wanted = wanted;
  }

  /** Opens a source, or takes it in the place of the one before. */
  readonly open = async (source: LiveSource, video: HTMLVideoElement): Promise<void> => {
    const opening = { source, video };
    this.#opening = opening;
    this.refusal.value = null;
    this.phase.value = 'opening';
    try {
      await (this.pipeline.value?.setSource(source) ?? this.#create(opening));
      if (this.#opening !== opening) return;
      this.#shown = opening;
      this.sources.value++;
    } catch (error) {
      if (this.#opening !== opening) return;
      this.refuse(error);
    }
    this.#opening = null;
    this.phase.value = this.pipeline.value ? 'running' : 'choosing';
  };

  readonly close = async (): Promise<void> => {
    const open = this.pipeline.value;
    this.pipeline.value = this.#opening = null;
    this.phase.value = 'choosing';
    this.report.value = this.trouble.value = null;
    this.state.value = { state: 'opening' };
    if (this.#shown) this.#shown.video.srcObject = null;
    await open?.close();
  };

  /** Opens anew what is shown, or what is being opened: another backend is another engine. */
  async reopen(): Promise<void> {
    const again = this.#opening ?? this.#shown;
    if (!again || this.phase.value === 'choosing') return;
    // The one before ends while the next one begins: nothing else can come between them.
    void this.close();
    await this.open(again.source, again.video);
  }

  refuse(error: unknown): void {
    this.refusal.value = EdgeRunnerError.from(error).toRecord();
  }

  async #create(opening: Opening): Promise<void> {
    let created: Pipeline | null = null;
    const isShown = () => (created ? this.pipeline.value === created : this.#opening === opening);
    const wanted = this.#wanted();
    created = await createPipeline({
      ...wanted,
      source: opening.source,
      ortBase: '../ort/',
      modelBase: '../models/',
      onEvent: (event) => isShown() && wanted.onEvent?.(event),
      onReport: (report) => {
        if (isShown()) this.report.value = report;
      },
      onState: (state) => isShown() && this.#hearState(state),
      onTrouble: (error) => isShown() && this.#hearTrouble(error),
      onLog: tell,
    });
    // Closed, or something else was asked for, while it was opened.
    if (this.#opening !== opening) return created.close();
    this.pipeline.value = created;
    opening.video.srcObject = created.stream;
    // It plays when the first picture comes, which may take.
    opening.video.play().catch(() => {});
  }

  #hearState(state: LiveState): void {
    this.state.value = state;
    if ('error' in state) tell(state.error.message);
  }

  #hearTrouble(error: EdgeRunnerError | null): void {
    const before = this.trouble.value;
    if (error && error.message !== before?.message) tell(error.message);
    if (!error && before) tell('The source is back.');
    this.trouble.value = error?.toRecord() ?? null;
  }
}
