import type { Logger } from 'pino';
import { type Direction, EdgeRunnerError, type IceServer } from '../../protocol/index.ts';
import { Bell } from '../bell.ts';
import { Hub } from '../grid/hub.ts';
import type { Intervals } from '../grid/intervals.ts';
import type { Database } from '../store/database.ts';
import { newId } from '../store/ids.ts';
import type { Notice } from '../store/notify.ts';
import {
  endSilentStreams,
  extendStreams,
  listStreams,
  type Standing,
  standingsOf,
  touchStreams,
} from '../store/streams.ts';
import { askForStream, endLateViewers, endViewer, findViewer, type ViewerRow } from '../store/viewers.ts';

/** Milliseconds after which somebody who waits for an answer looks by itself: a notice may have been missed. */
const LOOK_MS = 1_000;

/** A tab that is connected here, and publishes. */
export interface SpeakingTab {
  readonly stream: string;
  readonly connection: string;
  /** Whether it was heard of since it was asked last. */
  heard(): boolean;
  /** Whether it has been told something else than this; null where the stream is gone. */
  differs(standing: Standing | null): boolean;
  /** Reads what stands now, and tells the tab what is new to it. */
  reread(): Promise<void>;
  end(code: number, why: string): Promise<void>;
}

export interface StreamsOptions {
  db: Database;
  log: Logger;
  intervals: Intervals;
  /** Told to tabs and viewers. */
  iceServers: readonly IceServer[];
}

/** Somebody who wants to watch a stream, or to send to one. */
export interface Asking {
  stream: string;
  tenant: string;
  /** Id of the token that it comes with. */
  token: string;
  direction: Direction;
  offer: string;
}

/**
 * Live streams as one server sees them: the tabs that are connected here, and whoever waits here for an answer. What is
 * true stands in the database; a notice only says that it is worth a look.
 */
export class Streams {
  readonly #options: StreamsOptions;
  readonly #tabs = new Set<SpeakingTab>();
  readonly #waiting = new Hub();
  readonly #asking = new Set<Promise<unknown>>();

  constructor(options: StreamsOptions) {
    this.#options = options;
  }

  get iceServers(): readonly IceServer[] {
    return this.#options.iceServers;
  }

  async start(): Promise<void> {
    await extendStreams(this.#options.db);
  }

  /** Tabs find this server again, or another one: their streams stay live for as long. */
  async leave(): Promise<void> {
    await Promise.all([...this.#tabs].map((tab) => tab.end(1012, 'the server goes down')));
  }

  /** Settles when nobody waits for an answer any more: no connection is left by then. */
  async idle(): Promise<void> {
    // Those that came at the last moment.
    await this.leave();
    await Promise.allSettled(this.#asking);
  }

  add(tab: SpeakingTab): void {
    this.#tabs.add(tab);
  }

  remove(tab: SpeakingTab): void {
    this.#tabs.delete(tab);
  }

  hear(notice: Extract<Notice, { what: 'stream' | 'viewer' }>): void {
    if (notice.what === 'viewer') this.#waiting.wake([notice.id]);
    else for (const tab of this.#tabs) if (tab.stream === notice.id) void tab.reread();
  }

  /** Of the grid's tick: who was heard of, who was not, and what a notice should have said. */
  async look(): Promise<void> {
    const { db, log, intervals } = this.#options;
    const heard = [...this.#tabs].filter((tab) => tab.heard());
    await touchStreams(
      db,
      heard.map(({ connection }) => connection),
    );
    for (const stream of await endSilentStreams(db, intervals.ttlMs))
      log.info({ stream }, 'stream is idle: its tab was not heard of');
    // A server that waits for an answer ends what it asked by itself; one that is gone does not.
    await endLateViewers(db, 2 * intervals.answerMs);
    if (this.#tabs.size === 0) return;
    const streams = [...new Set([...this.#tabs].map(({ stream }) => stream))];
    const standings = new Map((await standingsOf(db, streams)).map((one) => [one.id, one]));
    for (const tab of this.#tabs) if (tab.differs(standings.get(tab.stream) ?? null)) void tab.reread();
  }

  /**
   * Passes an offer on to the tab of a stream, and waits for its answer.
   * @param gone whoever asked does not wait any more.
   * @throws {EdgeRunnerError} `not-found`, `stream-direction`, `stream-idle`, `stream-full`, `stream-unanswered`,
   *   `viewer-refused`
   */
  ask(asking: Asking, gone: AbortSignal): Promise<{ viewer: string; answer: string }> {
    const answered = this.#ask(asking, gone);
    this.#asking.add(answered);
    const over = () => this.#asking.delete(answered);
    answered.then(over, over);
    return answered;
  }

  async #ask(asking: Asking, gone: AbortSignal): Promise<{ viewer: string; answer: string }> {
    const { db } = this.#options;
    const id = newId('v');
    const bell = new Bell();
    const unfollow = this.#waiting.follow(id, () => bell.ring());
    const leave = () => bell.ring();
    gone.addEventListener('abort', leave);
    try {
      if (!(await askForStream(db, { id, ...asking }))) throw await this.#whyNot(asking);
      const row = await this.#answerOf({ ...asking, id }, bell, gone);
      if (row?.state === 'answered') {
        // Nobody would ever end it.
        if (gone.aborted) await endViewer(db, id);
        return { viewer: id, answer: row.answer! };
      }
      if (row?.state === 'refused') throw refused(row.reason ?? '');
      throw row === null ? unanswered(this.#options.intervals.answerMs) : idle();
    } finally {
      unfollow();
      gone.removeEventListener('abort', leave);
    }
  }

  /** @returns the row when somebody has decided; null when nobody has in time. */
  async #answerOf(
    which: { tenant: string; stream: string; id: string },
    bell: Bell,
    gone: AbortSignal,
  ): Promise<ViewerRow | null> {
    const { db, intervals } = this.#options;
    const until = performance.now() + intervals.answerMs;
    for (;;) {
      const row = await findViewer(db, which);
      // The stream was deleted, and it with it.
      if (!row) throw notThere(which.stream);
      if (row.state !== 'asked') return row;
      const left = until - performance.now();
      if (left <= 0 || gone.aborted) break;
      await bell.rung(Math.min(left, LOOK_MS));
    }
    // An answer of the last moment counts.
    return (await endViewer(db, which.id, { unanswered: true })) ? null : findViewer(db, which);
  }

  async #whyNot({ tenant, stream, direction }: Asking): Promise<EdgeRunnerError> {
    const [row] = await listStreams(this.#options.db, tenant, stream);
    if (!row) return notThere(stream);
    if (row.direction !== direction) return otherWay(row.direction, row.id);
    return row.state === 'idle' ? idle() : full(row.max_viewers);
  }
}

const notThere = (stream: string) =>
  new EdgeRunnerError(
    'not-found',
    `There is no stream ${stream} here.`,
    'See that its name is right; /v1/streams lists those that there are.',
  );

const otherWay = (direction: Direction, id: string) =>
  direction === 'out'
    ? new EdgeRunnerError(
        'stream-direction',
        'The tab of this stream sends: it is watched by WHEP, and nothing is sent to it.',
        `Post the offer to /v1/whep/${id}.`,
      )
    : new EdgeRunnerError(
        'stream-direction',
        'The tab of this stream receives: it is sent to by WHIP, and there is nothing to watch.',
        `Post the offer to /v1/whip/${id}.`,
      );

const idle = () =>
  new EdgeRunnerError('stream-idle', 'Nobody publishes this stream now.', 'Try again when it is live.');

const full = (most: number) =>
  new EdgeRunnerError(
    'stream-full',
    `This stream has all the viewers that its tab takes (${most}).`,
    'Try again when one has left, or publish it with a higher number.',
  );

const unanswered = (ms: number) =>
  new EdgeRunnerError(
    'stream-unanswered',
    `The tab that publishes this stream did not answer within ${ms / 1000} s.`,
    'Try again; if it goes on, load the tab anew.',
  );

const refused = (reason: string) =>
  new EdgeRunnerError(
    'viewer-refused',
    `The tab that publishes this stream refused the offer: ${reason || 'it did not say why'}`,
    'Look at the tab; an offer needs a codec that it can send or receive.',
  );
