import type { EdgeRunnerError } from '../../../protocol/index.ts';

/** A live source that is open. Its stream may become another one: see {@link SourceEvents.onStream}. */
export interface OpenSource {
  /** For people. */
  readonly name: string;
  readonly stream: MediaStream;
  /** What plays it, where something does: a file can be paused there. */
  readonly player: HTMLVideoElement | null;
  /** Milliseconds by which its sound comes before its picture, where it does. */
  readonly soundLead?: number;
  /** Whether it gives a picture only when something changes, as a screen does. */
  readonly mayStandStill?: boolean;
  /** Begins it anew: it should give a picture, and has given none for a while. */
  revive?(): void;
  /** Stops what was opened for it. */
  close(): void;
}

/** What happens to an open source. */
export interface SourceEvents {
  /** Takes the place of the stream before: a camera was plugged in again, a connection made anew. */
  onStream(stream: MediaStream): void;
  /** What is wrong with it, until it is null again. Nothing has to be done: it goes on as soon as it can. */
  onTrouble(trouble: EdgeRunnerError | null): void;
}

export const NO_EVENTS: SourceEvents = { onStream: () => {}, onTrouble: () => {} };
