import type { ErrorRecord, Offer } from '../../protocol/index.ts';
import type { FromAttempt, ToAttempt } from './attempt-messages.ts';
import type { WarmWorkers } from './warm-workers.ts';

export interface AttemptOptions {
  offer: Offer;
  workers: WarmWorkers;
  /** Address of the server, or of what stands for it on this machine. */
  base: string;
  ortBase: string;
  credential: string;
  /** Of the time, up to 1. */
  share: number;
  /** Whether somebody looks at what is worked at. */
  previewed: boolean;
  onMessage(message: FromAttempt): void;
}

/** Milliseconds over which speed is counted. */
const LATELY_MS = 5_000;
/** Between two notes of how far it is. */
const NOTE_MS = 250;

/** One attempt under way, in a worker that has nothing else to do, with the end of its lease by this machine's own clock. */
export class RunningAttempt {
  readonly attempt: string;
  readonly lease: string;
  /** What it came to, while the server has not yet said that it knows. */
  ended: Extract<FromAttempt, { type: 'done' | 'failed' }> | null = null;
  frames = 0;
  of: number | null = null;
  seq = 0;
  /** Whether it had its turn, and whether it still takes this device's time. */
  begun = false;
  worked = false;
  /** When how many frames were done, of the last few seconds, oldest first. */
  readonly #lately = [{ at: performance.now(), frames: 0 }];
  readonly #workers: WarmWorkers;
  /** Null once it is done. */
  #worker: Worker | null;
  /** Milliseconds of `performance.now()`. */
  #leaseEnd: number;

  constructor({ offer, workers, base, ortBase, credential, share, previewed, onMessage }: AttemptOptions) {
    this.attempt = offer.attempt;
    this.lease = offer.lease;
    // From when it was accepted, which is now; renewals count from when they were sent.
    this.#leaseEnd = performance.now() + offer.ttlMs;
    this.#workers = workers;
    const worker = workers.take();
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<FromAttempt>) => {
      if (data.type === 'progress') {
        this.frames = data.frames;
        this.of = data.of;
        this.#note(performance.now());
      }
      if (data.type === 'worked') this.worked = true;
      if (data.type === 'done' || data.type === 'failed') this.#finish(data);
      onMessage(data);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      const error: ErrorRecord = {
        code: 'engine-fault',
        message: `The worker ended: ${event.message || 'it could not be loaded'}.`,
        remedy: 'Please report this with the job.',
      };
      const failed = { type: 'failed', error } as const;
      this.#finish(failed);
      onMessage(failed);
    };
    const { attempt, lease, work } = offer;
    this.#tell({ type: 'start', base, ortBase, attempt: { attempt, lease, work, credential } });
    this.share(share);
    this.preview(previewed);
  }

  /** Frames a second, of late. */
  get fps(): number {
    const now = performance.now();
    this.#note(now);
    const [{ at, frames }] = this.#lately as [{ at: number; frames: number }];
    return (this.frames - frames) / Math.max(1e-3, (now - at) / 1000);
  }

  #note(now: number): void {
    if (now - this.#lately.at(-1)!.at >= NOTE_MS) this.#lately.push({ at: now, frames: this.frames });
    while (this.#lately[1] && now - this.#lately[1].at > LATELY_MS) this.#lately.shift();
  }

  get isOver(): boolean {
    return performance.now() > this.#leaseEnd;
  }

  /** @param sentAt when the renewal was sent, by `performance.now()`. */
  renewed(sentAt: number, ttlMs: number, sources: Record<string, string>): void {
    this.#leaseEnd = Math.max(this.#leaseEnd, sentAt + ttlMs);
    this.#tell({ type: 'sources', sources });
  }

  /** Until it is called the work is prepared, and no frame worked at. */
  begin(): void {
    this.begun = true;
    this.#tell({ type: 'begin' });
  }

  share(share: number): void {
    this.#tell({ type: 'share', share });
  }

  preview(wanted: boolean): void {
    this.#tell({ type: 'preview', wanted });
  }

  /** Ends it with all that it holds: frames, buffers, requests. */
  end(): void {
    this.#worker?.terminate();
    this.#worker = null;
  }

  #finish(ended: NonNullable<RunningAttempt['ended']>): void {
    this.worked = true;
    this.ended = ended;
    if (ended.type === 'failed') this.end();
    else if (this.#worker) this.#workers.giveBack(this.#worker);
    this.#worker = null;
  }

  #tell(message: ToAttempt): void {
    this.#worker?.postMessage(message);
  }
}
