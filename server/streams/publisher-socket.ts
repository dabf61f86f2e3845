import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { WebSocket } from 'ws';
import {
  EdgeRunnerError,
  type FromPublisher,
  fromPublisher,
  type KeptBanner,
  LEAST_STREAM_PROTOCOL,
  type Publish,
  type PublisherSignal,
  parseBanner,
  type ToPublisher,
} from '../../protocol/index.ts';
import { Doorkeeper } from '../api/access.ts';
import type { Admit } from '../api/request-limits.ts';
import type { Intervals } from '../grid/intervals.ts';
import { parsePlain } from '../net/json.ts';
import { LiveSocket } from '../net/live-socket.ts';
import type { Database } from '../store/database.ts';
import {
  bannerOf,
  endStream,
  leaveStream,
  publishStream,
  type Standing,
  type StreamRow,
  setBanner,
  standingsOf,
} from '../store/streams.ts';
import { answerViewer, dropViewer, offersOf } from '../store/viewers.ts';
import { pathOf } from './path.ts';
import { DELETED, REVOKED, TOO_MANY, taken, UNKNOWN } from './refusals.ts';
import type { SpeakingTab, Streams } from './streams.ts';

/** Messages that are refused, after which the connection is ended. */
const MOST_REFUSED = 20;

export interface PublisherSocketOptions {
  db: Database;
  streams: Streams;
  intervals: Intervals;
  log: Logger;
  admit: Admit;
}

/** The connection of a tab that publishes a stream. What it is told is what stands in the rows; here is only what it was told. */
export class PublisherSocket implements SpeakingTab {
  readonly #socket: LiveSocket<ToPublisher>;
  readonly #options: PublisherSocketOptions;
  readonly connection = randomUUID();
  #row: StreamRow | null = null;
  #log: Logger;
  /** Viewers that the tab knows to be alive. */
  #told = new Set<string>();
  #bannerTold = 0;
  #refused = 0;
  /** When it was asked last whether it was heard of. */
  #asked = Number.NEGATIVE_INFINITY;
  /** A look that has not begun yet sees all that happens until then. */
  #rereading = false;
  /** Nothing more is taken from it. */
  #ended = false;

  constructor(socket: WebSocket, options: PublisherSocketOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#socket = new LiveSocket(socket, {
      pingMs: options.intervals.pingMs,
      receive: (text) => this.#receive(text),
      fail: (error) => this.#fail(error),
      closed: () => this.#closed(),
    });
  }

  get stream(): string {
    return this.#row?.id ?? '';
  }

  heard(): boolean {
    const heard = this.#socket.heardAt > this.#asked;
    this.#asked = performance.now();
    return heard;
  }

  differs(standing: Standing | null): boolean {
    return (
      standing === null ||
      !standing.good ||
      standing.connection !== this.connection ||
      standing.bannerRevision !== this.#bannerTold ||
      standing.viewers.length !== this.#told.size ||
      !standing.viewers.every((id) => this.#told.has(id))
    );
  }

  async reread(): Promise<void> {
    if (this.#rereading) return;
    this.#rereading = true;
    await this.#socket.do(() => {
      this.#rereading = false;
      return this.#reread();
    });
  }

  async end(code: number, why: string): Promise<void> {
    this.#end(code, why);
    await this.#socket.do(() => this.#leave());
  }

  #end(code: number, why: string): void {
    this.#ended = true;
    this.#socket.end(code, why);
  }

  async #receive(text: string | null): Promise<void> {
    if (this.#ended) return;
    const message = text === null ? null : parse(text);
    if (!message) this.#refuse(UNKNOWN);
    else if (message.type === 'publish') await (this.#row ? this.#refuse(UNKNOWN) : this.#publish(message));
    else if (this.#row) await this.#take(this.#row, message);
    else this.#end(4000, 'publish comes first');
  }

  async #publish({ token, protocol, build, ...asked }: Publish): Promise<void> {
    const { db, streams, intervals, admit } = this.#options;
    this.#socket.greeted();
    if (protocol < LEAST_STREAM_PROTOCOL)
      throw new EdgeRunnerError(
        'build-too-old',
        `This tab speaks version ${protocol} of the protocol, the server ${LEAST_STREAM_PROTOCOL} and later.`,
        'Load it anew.',
      );
    const caller = (await admit(() => new Doorkeeper(db).admit('publish', token)))!;
    const { connection } = this;
    const row = await publishStream(
      db,
      { ...asked, tenant: caller.tenant, token: caller.id, connection },
      intervals.ttlMs,
    );
    if (row === 'deleted') throw DELETED;
    if (row === 'taken') throw taken(asked.name);
    if (row === 'too-many') throw TOO_MANY;
    this.#row = row;
    // Before anything is read: what happens from now on is heard of.
    streams.add(this);
    this.#log = this.#log.child({ stream: row.id, name: row.name });
    this.#log.info({ build, direction: row.direction }, 'stream published');
    const [standing] = await standingsOf(db, [row.id]);
    const banner = await bannerOf(db, row.tenant, row.id);
    const viewers = standing?.viewers ?? [];
    this.#told = new Set(viewers);
    this.#bannerTold = banner?.revision ?? 0;
    const { ttlMs, pingMs } = intervals;
    this.#socket.send({
      ...{ type: 'published', stream: row.id, path: pathOf(row), iceServers: [...streams.iceServers] },
      banner: banner?.state ? { revision: banner.revision, state: banner.state } : null,
      ...{ viewers, ttlMs, pingMs },
    });
    await this.#offer(viewers);
  }

  async #take(row: StreamRow, message: Exclude<FromPublisher, { type: 'publish' }>): Promise<void> {
    const { db } = this.#options;
    switch (message.type) {
      case 'ping':
        return this.#socket.send({ type: 'pong' });
      case 'leave':
        await endStream(db, { id: row.id, connection: this.connection });
        return this.#end(1000, 'left');
      case 'signal':
        return this.#signal(row, message);
      case 'banner': {
        const state = parseBanner(message.state);
        const kept = await setBanner(
          db,
          { tenant: row.tenant, id: row.id, connection: this.connection },
          state,
        );
        if (kept) this.#tellBanner(kept, message.edit);
      }
    }
  }

  async #signal(row: StreamRow, message: PublisherSignal): Promise<void> {
    const { db } = this.#options;
    const speaker = { stream: row.id, connection: this.connection };
    const { viewer } = message;
    if (message.kind === 'answer') {
      // Whoever asked may have gone: the tab is told so.
      if (!(await answerViewer(db, speaker, viewer, message.sdp))) await this.#reread();
      return;
    }
    this.#told.delete(viewer);
    await dropViewer(db, speaker, viewer, message.kind === 'refuse' ? message.message : null);
  }

  async #reread(): Promise<void> {
    const { db } = this.#options;
    const row = this.#row;
    if (!row || !this.#socket.open) return;
    const [standing] = await standingsOf(db, [row.id]);
    if (!standing) throw DELETED;
    if (!standing.good) {
      // It cannot come back.
      await endStream(db, { id: row.id, connection: this.connection });
      throw REVOKED;
    }
    // Not heard of for one ttl, it is idle; as nobody else has it, the tab may have it back.
    if (standing.connection === null) return this.#end(1012, 'the stream was taken as gone');
    if (standing.connection !== this.connection) return this.#end(4001, 'another connection speaks for it');
    if (standing.bannerRevision !== this.#bannerTold) {
      const banner = await bannerOf(db, row.tenant, row.id);
      if (banner?.state) this.#tellBanner({ revision: banner.revision, state: banner.state }, 0);
    }
    const alive = new Set(standing.viewers);
    for (const viewer of this.#told)
      if (!alive.has(viewer)) this.#socket.send({ type: 'signal', kind: 'bye', viewer });
    const fresh = standing.viewers.filter((id) => !this.#told.has(id));
    this.#told = alive;
    await this.#offer(fresh);
  }

  /** @param edit the tab's own change that this is; 0 for none. */
  #tellBanner({ revision, state }: KeptBanner, edit: number): void {
    this.#bannerTold = revision;
    this.#socket.send({ type: 'banner', revision, state, edit });
  }

  async #offer(viewers: readonly string[]): Promise<void> {
    if (viewers.length === 0) return;
    for (const { id, offer } of await offersOf(this.#options.db, viewers))
      this.#socket.send({ type: 'signal', kind: 'offer', viewer: id, sdp: offer });
  }

  async #closed(): Promise<void> {
    if (this.#row) this.#log.info('tab disconnected');
    await this.#leave();
  }

  /** The stream stays live for a while: the tab may come back. */
  async #leave(): Promise<void> {
    const { db, streams } = this.#options;
    const row = this.#row;
    if (!row) return;
    this.#row = null;
    streams.remove(this);
    await leaveStream(db, { id: row.id, connection: this.connection, heard: !this.#socket.silent });
  }

  #refuse({ code, message, remedy }: EdgeRunnerError): void {
    if (++this.#refused > MOST_REFUSED) this.#end(4002, 'too many messages that were refused');
    this.#socket.send({ type: 'refused', code, message, remedy });
  }

  #fail(error: unknown): void {
    if (!(error instanceof EdgeRunnerError)) {
      this.#log.error({ err: error }, 'a message of a tab could not be dealt with');
      this.#end(1011, 'server-fault');
      return;
    }
    this.#refuse(error);
    if (error.code !== 'banner-invalid') this.#end(4003, error.code);
  }
}

function parse(text: string): FromPublisher | null {
  try {
    const read = fromPublisher.safeParse(parsePlain(text));
    return read.success ? read.data : null;
  } catch {
    return null;
  }
}
