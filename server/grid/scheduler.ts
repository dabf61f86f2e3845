import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Work } from '../../protocol/index.ts';
import { type Candidate, claimTasks, type Kind, type NewAttempt, queuedKinds } from '../store/claims.ts';
import type { Database } from '../store/database.ts';
import { endAttempts, expireAttempts, failTasks } from '../store/endings.ts';
import { connectedNodes, endSuspensions, tripBreakers } from '../store/nodes.ts';
import { notify } from '../store/notify.ts';
import { leaseAlso, stragglers } from '../store/speculation.ts';
import { pauseAfter } from './batcher.ts';
import { ClassWatch } from './class-watch.ts';
import type { ConnectedNode, Fleet } from './fleet.ts';
import type { Intervals } from './intervals.ts';
import { LastSegments, passOf } from './last-segments.ts';
import { canDo } from './needs.ts';
import { secondAttempts } from './speculation.ts';
import { STRATEGIES, type StrategyName } from './strategies.ts';

/** Tasks looked at in one claim, at most. */
const WINDOW = 128;
/** The same, where those at the front wait for nodes that are busy. */
const WIDEST = 8_192;
/** Seconds that a task which failed on one node waits for another that is busy. */
const OTHERS_SECONDS = 30;
/** Milliseconds between two looks at all nodes for tasks that none may be able to read. */
const JUDGE_MS = 1_000;
/** Attempts that are ended in one look for late ones, at most. */
const EXPIRE_BATCH = 500;

export interface SchedulerOptions {
  db: Database;
  fleet: Fleet;
  intervals: Intervals;
  strategy: StrategyName;
  log: Logger;
  /** What a node gets to see of an attempt. */
  workOf(attempt: NewAttempt): Work;
  /** Hears of each offer, for the metrics. */
  onOffer(): void;
  /** Looks for what else is late, each time that the scheduler does. */
  onLook(): Promise<void>;
  /** Hears of each attempt that was taken back. */
  onEnded(ended: { job: string; attempt: string; state: string }): void;
}

/** Brings tasks that wait and nodes that are free together, and takes back what was not done in time. */
export class Scheduler {
  readonly #options: SchedulerOptions;
  #matching: Promise<void> | null = null;
  #again = false;
  /** Tasks of the last claim that no node which takes work can read, and when such were judged last. */
  #unread: Candidate[] = [];
  #judged = Number.NEGATIVE_INFINITY;
  #looking: NodeJS.Timeout | null = null;
  readonly #classes: ClassWatch;
  /** The last look for what is late. */
  #looked: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#classes = new ClassWatch(options.db, options.intervals.ttlMs, options.log);
  }

  start(): void {
    this.#look();
  }

  /** Whatever was under way is done when the promise settles. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#looking) clearTimeout(this.#looking);
    await this.#looked;
    await this.#matching;
  }

  /** Something became free to do, or somebody to do it. */
  wake(): void {
    if (this.#stopped) return;
    if (this.#matching) {
      this.#again = true;
      return;
    }
    this.#matching = this.#matchAndRest()
      .catch((error: unknown) => this.#options.log.error({ err: error }, 'matching failed'))
      .finally(() => {
        this.#matching = null;
        if (this.#again) {
          this.#again = false;
          this.wake();
        }
      });
  }

  /** What becomes free meanwhile is matched together: a claim of many tasks costs little more than one of a single one. */
  async #matchAndRest(): Promise<void> {
    const began = performance.now();
    await this.#match();
    const took = performance.now() - began;
    if (this.#again && !this.#stopped) await wait(pauseAfter(took));
  }

  async #match(): Promise<void> {
    const { db, fleet, intervals } = this.#options;
    let wider = 1;
    while (!this.#stopped) {
      const free = fleet.free();
      const open = [...free, ...fleet.preparing()];
      if (open.length === 0) return;
      const kinds = (await queuedKinds(db)).filter(({ needs }) => open.some((node) => canDo(node, needs)));
      if (kinds.length === 0) return;
      const window = Math.min(WINDOW, 2 * open.length + 8);
      let seen = 0;
      const attempts = await claimTasks(
        db,
        {
          kinds: kinds.map(({ needsKey }) => needsKey),
          most: window * wider,
          offerMs: intervals.acceptMs,
        },
        (candidates) => {
          seen = candidates.length;
          return this.#choose(candidates, kinds);
        },
      );
      await this.#judge(this.#unread.splice(0));
      if (attempts.length === 0) {
        // All of them wait for nodes that have not failed at them: behind them there may be others that do not.
        if (free.length > 0 && seen < WIDEST && seen >= window * wider) {
          wider *= 4;
          continue;
        }
        return;
      }
      await this.#offer(attempts);
    }
  }

  #choose(candidates: Candidate[], kinds: Kind[]): { task: string; node: string }[] {
    const { fleet, strategy } = this.#options;
    const choose = STRATEGIES[strategy];
    const chosen: { task: string; node: string }[] = [];
    const taken = new Map<string, number>();
    const hasRoom = (node: ConnectedNode) =>
      node.isFree && node.busy + (taken.get(node.id) ?? 0) < node.slots;
    const last = new LastSegments(taken);
    const give = (task: string, { id }: ConnectedNode) => {
      taken.set(id, (taken.get(id) ?? 0) + 1);
      chosen.push({ task, node: id });
    };
    const able = new Map(
      kinds.map(({ needs, needsKey }) => [
        needsKey,
        [...fleet.all()].filter((node) => node.takesWork && canDo(node, needs)),
      ]),
    );
    for (const task of candidates) {
      const nodes = able.get(task.needsKey) ?? [];
      const readers = nodes.filter(({ id }) => !task.unreadableOn.includes(id));
      if (readers.length === 0 && task.unreadableOn.length > 0) {
        this.#unread.push(task);
        continue;
      }
      const untried = readers.filter(({ id }) => !task.failedOn.includes(id));
      // Where it failed it is tried again only if nobody else could do it, not even a busy one, within a while.
      const waits = untried.length > 0 && (task.idleFor ?? 0) < OTHERS_SECONDS;
      const may = waits ? untried : readers;
      const contenders = new Set(may.filter((node) => hasRoom(node) && !last.isIdle(node, task)));
      while (contenders.size > 0) {
        const { id } = choose([...contenders], task);
        const node = fleet.get(id)!;
        if (last.shouldTake(node, may, task)) {
          give(task.id, node);
          break;
        }
        contenders.delete(node);
      }
      if (contenders.size > 0) continue;
      // Nobody is free for it: whoever will be first may prepare it.
      const next = nextFree(may, task, last, taken);
      if (next && last.shouldTake(next, may, task)) give(task.id, next);
    }
    return chosen;
  }

  /** Fails what no node can read, on whatever server and whether or not it takes work now; the rest waits for one that can. */
  async #judge(tasks: readonly Candidate[]): Promise<void> {
    const { db } = this.#options;
    if (tasks.length === 0 || performance.now() - this.#judged < JUDGE_MS) return;
    this.#judged = performance.now();
    const nodes = await connectedNodes(db);
    const hopeless = tasks.filter(({ needs, unreadableOn }) =>
      nodes.every((node) => unreadableOn.includes(node.id) || !canDo(node, needs)),
    );
    await failTasks(
      db,
      hopeless.map(({ id }) => id),
    );
  }

  async #offer(attempts: NewAttempt[]): Promise<void> {
    const { db, fleet, intervals, workOf, onOffer } = this.#options;
    const gone: NewAttempt[] = [];
    for (const made of attempts) {
      const { attempt, lease, task, job, tenant, kind, source, segment } = made;
      const node = fleet.get(made.node);
      if (!node || !(node.isFree || (segment && node.mayPrepare))) {
        gone.push(made);
        continue;
      }
      node.held.set(attempt, {
        ...{ attempt, lease, task, job, tenant, kind, source, segment },
        state: 'offered',
        since: performance.now(),
        seq: -1,
      });
      onOffer();
      const { ttlMs, acceptMs } = intervals;
      node.send({ type: 'offer', attempt, lease, ttlMs, acceptMs, work: workOf(made) });
    }
    // The node went while its task was claimed.
    if (gone.length > 0)
      await db.transaction((tx) =>
        endAttempts(
          tx,
          gone.map(({ attempt, lease }) => ({ attempt, lease, state: 'returned', error: null, retry: true })),
        ),
      );
  }

  /** By a timer that waits for the last look to be done: a database that is slow is not asked twice. */
  #look(): void {
    this.#looking = setTimeout(() => {
      this.#looked = this.#takeBack()
        .then(() => this.#classes.look())
        .then(() => this.#options.onLook())
        .then(() => this.#speculate())
        .then(() => this.wake())
        .catch((error: unknown) =>
          this.#options.log.error({ err: error }, 'looking for late attempts failed'),
        )
        .finally(() => {
          if (!this.#stopped) this.#look();
        });
    }, this.#options.intervals.lookMs);
  }

  /** Nodes that have nothing to do try what holds up a job, where they should be done sooner. */
  async #speculate(): Promise<void> {
    const { db, fleet, intervals } = this.#options;
    const idle = fleet.free().filter(({ busy }) => busy === 0);
    if (idle.length === 0 || this.#stopped) return;
    const late = await stragglers(db, WINDOW);
    const chosen = secondAttempts(late, idle, (id) => fleet.get(id) ?? null);
    if (chosen.length > 0) await this.#offer(await leaseAlso(db, chosen, intervals.acceptMs));
  }

  async #takeBack(): Promise<void> {
    const { db, fleet, intervals, log, onEnded } = this.#options;
    const late = await expireAttempts(db, { stallMs: intervals.stallMs, limit: EXPIRE_BATCH });
    for (const { attempt, job, node: id, state } of late) {
      log.info({ attempt, node: id, state }, 'attempt taken back');
      onEnded({ job, attempt, state });
      const node = fleet.get(id);
      if (!node?.held.delete(attempt)) continue;
      node.failures++;
      node.send({ type: 'cancel', attempt, reason: state });
    }
    if (late.length > 0) await this.trip([...new Set(late.map(({ node }) => node))]);
    const back = await endSuspensions(db);
    if (back.length > 0) await notify(db, ...back.map((id) => ({ what: 'node', id }) as const));
  }

  /** Nodes at which something failed: those that fail everything are given nothing for a while. */
  async trip(nodes: readonly string[]): Promise<void> {
    const { db, log } = this.#options;
    const tripped = await tripBreakers(db, nodes);
    if (tripped.length === 0) return;
    for (const { id, reason } of tripped) log.warn({ node: id, reason }, 'node suspended');
    await notify(db, ...tripped.map(({ id }) => ({ what: 'node', id }) as const));
  }
}

/** Of the nodes that may prepare a segment like the ones that they are at, the one that will have done these first. */
function nextFree(
  nodes: readonly ConnectedNode[],
  task: Candidate,
  last: LastSegments,
  taken: ReadonlyMap<string, number>,
): ConnectedNode | null {
  const { frames } = task;
  if (frames === null) return null;
  const pass = passOf(task);
  const [first] = nodes
    .filter((node) => node.mayPrepare && node.pace?.pass === pass && !taken.has(node.id))
    .filter((node) => !last.isIdle(node, task))
    .map((node) => ({ node, seconds: last.secondsToFree(node, pass, frames) }))
    .sort((a, b) => a.seconds - b.seconds);
  return first && Number.isFinite(first.seconds) ? first.node : null;
}
