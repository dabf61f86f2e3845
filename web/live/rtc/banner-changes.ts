import type { BannerState, KeptBanner } from '../../../protocol/index.ts';

/** What the page lays over its picture, with its number among the page's changes. */
export interface BannerChange {
  edit: number;
  state: BannerState;
}

export interface BannerChangesOptions {
  send(change: BannerChange): void;
  /** What the server keeps, all changes up to `edit` counted in. */
  tell(kept: KeptBanner, edit: number): void;
}

/**
 * The page's changes on their way to the server: one at a time, and of those that come meanwhile the newest only. What
 * the server says until it has dealt with the last one is older than what the page shows, and is not told.
 */
export class BannerChanges {
  readonly #options: BannerChangesOptions;
  #connected = false;
  /** On its way. */
  #sent: BannerChange | null = null;
  #waiting: BannerChange | null = null;
  /** Of the newest change. */
  #edit = 0;
  /** What was not told; it counts after all where the server refuses the change that was newer. */
  #untold: KeptBanner | null = null;

  constructor(options: BannerChangesOptions) {
    this.#options = options;
  }

  /** Of the page's changes the newest. */
  get edit(): number {
    return this.#edit;
  }

  /** Whether the server has yet to say what became of one. */
  get pending(): boolean {
    return this.#sent !== null || this.#waiting !== null;
  }

  change(change: BannerChange): void {
    this.#edit = change.edit;
    this.#waiting = change;
    this.#send();
  }

  /** @param kept what the server has; what was changed here while it was away is what counts. */
  connected(kept: KeptBanner | null): void {
    this.#connected = true;
    this.#untold = this.pending ? kept : null;
    this.#send();
  }

  disconnected(): void {
    this.#connected = false;
    this.#waiting ??= this.#sent;
    this.#sent = null;
  }

  /** @param edit the change that this answers; 0 for somebody else's. A server that knows no such number answers. */
  heard(kept: KeptBanner, edit = this.#sent?.edit): void {
    this.#untold = kept;
    this.#settle(edit);
  }

  /** The one on its way. */
  refused(): void {
    this.#settle(this.#sent?.edit);
  }

  /** The last moment to say it. */
  flush(): void {
    this.#sent = null;
    this.#send();
  }

  #settle(edit: number | undefined): void {
    if (edit === this.#sent?.edit) this.#sent = null;
    this.#send();
    if (this.pending || !this.#untold) return;
    this.#options.tell(this.#untold, this.#edit);
    this.#untold = null;
  }

  #send(): void {
    if (!this.#connected || this.#sent || !this.#waiting) return;
    this.#sent = this.#waiting;
    this.#waiting = null;
    this.#options.send(this.#sent);
  }
}
