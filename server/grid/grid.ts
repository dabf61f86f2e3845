import type { Logger } from 'pino';
import {
  EdgeRunnerError,
  type ErrorRecord,
  type FromNode,
  type PauseReason,
  type TaskOutcome,
  type WrittenFile,
} from '../../protocol/index.ts';
import type { Database } from '../store/database.ts';
import { type Ended, endAttempts } from '../store/endings.ts';
import {
  acceptOffers,
  extendLeases,
  type Held,
  liveOfNode,
  type Moved,
  recordProgress,
  recordWord,
  renewLeases,
} from '../store/leases.ts';
import {
  connectNode,
  disconnectNode,
  findNodeByCredential,
  type NodeRow,
  nodesById,
  pauseNode,
  touchNodes,
} from '../store/nodes.ts';
import { CHANNEL, type Notice, notify } from '../store/notify.ts';
import { type Finished, finishAttempts } from '../store/results.ts';
import { giveUpSegments } from '../store/segments.ts';
import { Batcher } from './batcher.ts';
import { ConnectedNode, Fleet, type HeldAttempt } from './fleet.ts';
import type { Intervals } from './intervals.ts';
import { checkOutcome } from './outcomes.ts';
import { planSegments, wholeTask } from './planner.ts';
import { Scheduler, type SchedulerOptions } from './scheduler.ts';

/** How long messages of a kind are gathered at least, milliseconds. A lease lasts for far longer than that. */
const GATHER_MS = { usual: 5, renewals: 500 };
/** Words of the engine that are kept, of one attempt. */
const MOST_WORDS = 50;
/** Between two times that a node is written down as seen, milliseconds. */
const TOUCH_MS = 30_000;
/** Progress is written down for a fiftieth of the time at most: of thousands of nodes less often than they say it. */
const PROGRESS_SHARE = 1 / 50;

export type Hello = Extract<FromNode, { type: 'hello' }>;

export interface GridOptions extends Pick<SchedulerOptions, 'strategy' | 'workOf' | 'onOffer' | 'onLook'> {
  db: Database;
  intervals: Intervals;
  log: Logger;
  /** Sees to it that all parts of a file are there, and right. @returns its id in the store. */
  completeFile(held: HeldAttempt, file: WrittenFile): Promise<string>;
  /** Fresh addresses of what an attempt reads. */
  sourcesOf(held: HeldAttempt): Record<string, string>;
  /** Removes what an attempt that came to nothing has sent. */
  discard(ended: { job: string; attempt: string; state: string }): Promise<void>;
  /** Hears that something can be worked on. */
  onQueue(): void;
  /** Hears which jobs changed. */
  onJobs(ids: readonly string[]): void;
  /** Hears of streams and of who watches them. */
  onStream(notice: Extract<Notice, { what: 'stream' | 'viewer' }>): void;
}

/** Where a node stands after its hello. */
export interface Welcomed {
  node: ConnectedNode;
  keep: string[];
  drop: string[];
}

/**
 * The grid as one server sees it: the nodes connected here, the scheduler, and every write that nodes cause, gathered
 * into few statements. What is true stands in the database; other servers on it hear of changes by notices.
 */
export class Grid {
  readonly fleet = new Fleet();
  readonly scheduler: Scheduler;
  readonly #options: GridOptions;
  readonly #accepting: Batcher<Held, boolean>;
  readonly #renewing: Batcher<Held, boolean>;
  readonly #finishing: Batcher<Finished, boolean>;
  readonly #ending: Batcher<Ended, boolean>;
  readonly #moved = new Map<string, Moved>();
  #recording: NodeJS.Timeout | null = null;
  #stopped = false;
  /** How long the last writing down took. */
  #recordingMs = 0;
  /** The last writing down of progress. */
  #recorded: Promise<void> = Promise.resolve();
  /** How many of the nodes have had their turn to be written down as seen. */
  #touched = 0;

  constructor(options: GridOptions) {
    const { db, intervals } = options;
    this.#options = options;
    this.scheduler = new Scheduler({
      ...options,
      fleet: this.fleet,
      onEnded: (ended) => this.discard(ended),
    });
    const each =
      <Item extends Held>(work: (items: Item[]) => Promise<Set<string>>) =>
      async (items: Item[]) => {
        const done = await work(items);
        return items.map(({ attempt }) => done.has(attempt));
      };
    this.#accepting = new Batcher(
      each((items) => acceptOffers(db, items, intervals.ttlMs)),
      GATHER_MS.usual,
    );
    this.#renewing = new Batcher(
      each((items) => renewLeases(db, items, intervals.ttlMs)),
      GATHER_MS.renewals,
    );
    this.#finishing = new Batcher(
      each((items) =>
        finishAttempts(db, items, (spec, source, report, { tenant, trust }) =>
          planSegments(spec, source, report, { id: tenant, leastTrust: trust }, this.fleet.all()),
        ),
      ),
      GATHER_MS.usual,
    );
    this.#ending = new Batcher(
      each(async (items) => {
        const ended = await db.transaction((tx) => endAttempts(tx, items));
        await this.scheduler.trip([...new Set(ended.map(({ node }) => node))]);
        for (const one of ended) this.discard(one);
        return new Set(ended.map(({ attempt }) => attempt));
      }),
      GATHER_MS.usual,
    );
  }

  async start(): Promise<void> {
    const { db, intervals } = this.#options;
    await extendLeases(db, intervals.ttlMs);
    await db.listen(CHANNEL, (payload) => this.#hear(JSON.parse(payload) as Notice));
    this.scheduler.start();
    this.#record();
  }

  /** Attempts stay with their nodes, which find this server again, or another one. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#recording) clearTimeout(this.#recording);
    await Promise.all([this.#recorded, this.scheduler.stop()]);
    await Promise.all([
      ...[...this.fleet.all()].map((node) => {
        node.end(1012, 'the server goes down');
        return this.disconnect(node);
      }),
      this.#accepting.idle(),
      this.#renewing.idle(),
      this.#finishing.idle(),
      this.#ending.idle(),
    ]);
  }

  /** The node of a credential. @throws {EdgeRunnerError} `token-unknown`, `node-revoked` */
  async authenticate(credential: string): Promise<NodeRow> {
    const row = await findNodeByCredential(this.#options.db, credential);
    if (!row)
      throw new EdgeRunnerError(
        'token-unknown',
        'This server does not know this node.',
        'Join again with an enrolment token.',
      );
    if (row.revoked_at) throw revoked(row.name);
    return row;
  }

  /** A node has said hello: this connection speaks for it from now on. */
  async connect(
    row: NodeRow,
    session: string,
    hello: Hello,
    link: ConstructorParameters<typeof ConnectedNode>[3],
  ): Promise<Welcomed> {
    const { db } = this.#options;
    const node = new ConnectedNode(
      await connectNode(db, row.id, { session, ...hello }),
      session,
      hello.ahead,
      link,
    );
    const live = await liveOfNode(db, row.id);
    const resumed = live.filter(
      ({ id, lease, state }) =>
        state === 'leased' && hello.resume.some((held) => held.attempt === id && held.lease === lease),
    );
    const renewed = await Promise.all(
      resumed.map(async (held) =>
        (await this.renew({ attempt: held.id, lease: held.lease })) ? held : null,
      ),
    );
    for (const held of renewed) {
      if (!held) continue;
      const { id, state, ...rest } = held;
      node.held.set(id, { ...rest, attempt: id, state, since: performance.now(), seq: -1 });
    }
    // It began anew and knows nothing of them: whatever ended it may have been their doing.
    const lost = live.filter(({ id }) => !node.held.has(id));
    await Promise.all(
      lost.map(({ id, lease, state }) =>
        this.end({
          ...{ attempt: id, lease, retry: true },
          ...(state === 'leased'
            ? { state: 'expired', error: restarted }
            : { state: 'returned', error: null }),
        }),
      ),
    );
    this.fleet.add(node)?.end(4001, 'the node has connected anew');
    // On another server it may still be.
    if (db.shared) await notify(db, { what: 'node', id: row.id });
    this.scheduler.wake();
    const keep = [...node.held.keys()];
    return {
      node,
      keep,
      drop: hello.resume.map(({ attempt }) => attempt).filter((id) => !node.held.has(id)),
    };
  }

  /** Its leases stay its own until they end: it may come back. */
  async disconnect(node: ConnectedNode): Promise<void> {
    if (this.fleet.remove(node)) await disconnectNode(this.#options.db, node.id, node.session);
  }

  /** It takes no more of its own accord, or takes it again. */
  async pause(node: ConnectedNode, reason: PauseReason | null): Promise<void> {
    node.pause = reason;
    await pauseNode(this.#options.db, node, reason);
    if (!reason) this.scheduler.wake();
  }

  accept(held: Held): Promise<boolean> {
    return this.#accepting.add(held);
  }

  renew(held: Held): Promise<boolean> {
    return this.#renewing.add(held);
  }

  async end(ended: Ended): Promise<boolean> {
    return this.#ending.add(ended);
  }

  /** A segment came out as something else than was planned: where two attempts agree on it, the plan was wrong. */
  async endShort(held: HeldAttempt, error: ErrorRecord): Promise<void> {
    const { attempt, lease, task, job, source } = held;
    await this.end({ attempt, lease, state: 'failed', error, retry: true });
    const gone = await giveUpSegments(this.#options.db, { task, job, source }, (spec, { tenant, trust }) => [
      wholeTask(spec, source, { id: tenant, leastTrust: trust }),
    ]);
    for (const one of gone) this.discard({ job, attempt: one, state: 'superseded' });
  }

  /** @returns whether the result counts. @throws {EdgeRunnerError} when a file of it is not whole. */
  async finish(held: HeldAttempt, files: readonly WrittenFile[], outcome: TaskOutcome): Promise<boolean> {
    checkOutcome(held, outcome);
    const stored = await Promise.all(
      files.map(async (file) => ({ ...file, id: await this.#options.completeFile(held, file) })),
    );
    const { attempt, lease } = held;
    return this.#finishing.add({ attempt, lease, outcome, files: stored });
  }

  /** A word of the engine, for whoever follows the job; the first few only, since they are kept. */
  async say(held: HeldAttempt, message: string): Promise<void> {
    held.words = (held.words ?? 0) + 1;
    if (held.words <= MOST_WORDS) await recordWord(this.#options.db, held, message);
  }

  /** Nobody waits for it: what is left lies with the job, and goes with it at the latest. */
  discard(ended: { job: string; attempt: string; state: string }): void {
    const { discard, log } = this.#options;
    discard(ended).catch((error: unknown) => log.warn({ err: error, ...ended }, 'removing files failed'));
  }

  /** Fresh addresses of what an attempt reads. */
  sourcesOf(held: HeldAttempt): Record<string, string> {
    return this.#options.sourcesOf(held);
  }

  /** Written with the next batch: of several words only the last one counts. */
  moved({ attempt, lease }: HeldAttempt, { frames, of, fps, waits }: Omit<Moved, keyof Held>): void {
    this.#moved.set(attempt, { attempt, lease, frames, of, fps, waits });
  }

  #record(): void {
    this.#recording = setTimeout(
      () => {
        this.#recorded = this.#writeDown().finally(() => {
          if (!this.#stopped) this.#record();
        });
      },
      Math.max(this.#options.intervals.progressMs, this.#recordingMs / PROGRESS_SHARE),
    );
  }

  async #writeDown(): Promise<void> {
    const { db, intervals, log } = this.#options;
    try {
      const moved = [...this.#moved.values()];
      this.#moved.clear();
      if (moved.length > 0) {
        const began = performance.now();
        const jobs = await recordProgress(db, moved);
        this.#recordingMs = performance.now() - began;
        if (jobs.length > 0) await notify(db, { what: 'jobs', ids: jobs });
      }
      await touchNodes(db, this.#whoseTurn(intervals.progressMs));
    } catch (error) {
      log.error({ err: error }, 'recording progress failed');
    }
  }

  /** Of all nodes so many that each has its turn about every {@link TOUCH_MS}: all at once would hold up everything else. */
  #whoseTurn(passedMs: number): ConnectedNode[] {
    const nodes = [...this.fleet.all()];
    const many = Math.ceil((nodes.length * passedMs) / TOUCH_MS);
    if (this.#touched >= nodes.length) this.#touched = 0;
    const turn = nodes.slice(this.#touched, this.#touched + many);
    this.#touched += many;
    return turn;
  }

  #hear(notice: Notice): void {
    switch (notice.what) {
      case 'queue':
        this.scheduler.wake();
        this.#options.onQueue();
        break;
      case 'jobs':
        this.#options.onJobs(notice.ids);
        break;
      case 'cancel':
        this.#cancel(notice);
        break;
      case 'stream':
      case 'viewer':
        this.#options.onStream(notice);
        break;
      case 'node':
        void this.#reread(notice.id).catch((error: unknown) =>
          this.#options.log.error({ err: error }, 'reading a node failed'),
        );
    }
  }

  #cancel({ job, attempts }: Extract<Notice, { what: 'cancel' }>): void {
    for (const node of this.fleet.all()) {
      for (const { attempt, job: of } of node.held.values()) {
        if (of !== job || (attempts && !attempts.includes(attempt))) continue;
        // One whose result was just accepted is not held any more; all others of the job have ended.
        node.held.delete(attempt);
        node.send({ type: 'cancel', attempt, reason: attempts ? 'another was faster' : 'the job has ended' });
      }
    }
    this.scheduler.wake();
  }

  /** Somebody changed a node's row: what it says is so. */
  async #reread(id: string): Promise<void> {
    const node = this.fleet.get(id);
    if (!node) return;
    const [row] = await nodesById(this.#options.db, [id]);
    if (!row || row.revoked_at) {
      node.held.clear();
      const { code, message, remedy } = revoked(node.row.name);
      node.send({ type: 'revoke', code, message, remedy });
      node.end(4003, 'revoked');
      return;
    }
    if (row.session !== node.session) {
      node.end(4001, 'the node has connected anew');
      return;
    }
    const before = node.row.state;
    node.row = row;
    node.failures = row.failures;
    if (row.state === before) return;
    if (row.state === 'disabled') {
      for (const { attempt } of node.held.values())
        node.send({ type: 'cancel', attempt, reason: 'the node was disabled' });
      node.held.clear();
    }
    node.send(row.state === 'active' ? { type: 'resume' } : { type: 'drain', hold: node.hold });
    this.scheduler.wake();
  }
}

const revoked = (name: string) =>
  new EdgeRunnerError(
    'node-revoked',
    `The node ${name} was revoked.`,
    'Ask whoever runs the server for a new enrolment token.',
  );

const restarted: ErrorRecord = {
  code: 'node-lost',
  message: 'The node began anew in the midst of the task.',
  remedy: 'It is tried on another node; look at that one if it happens again.',
};
