import type { FarmNews, FarmNode, JobView } from '../../protocol/index.ts';
import { showFarmNode, showJob } from '../api/views.ts';
import type { DiskRoom } from '../disk-room.ts';
import type { Grid } from '../grid/grid.ts';
import type { Database } from '../store/database.ts';
import { farmNodes, jobCounts } from '../store/farm.ts';
import { type JobFilter, listJobs } from '../store/jobs.ts';
import type { History } from './history.ts';

/** Milliseconds that a look at a tenant's nodes is good for all who watch them. */
const LOOK_MS = 900;

/** The page of jobs that somebody looks at. */
export interface JobPage {
  filter: JobFilter;
  before: number | null;
  limit: number;
}

export interface FarmWatchOptions {
  db: Database;
  grid: Grid;
  room: DiskRoom;
  history: History;
}

/** What dashboards see. Many may look at one tenant: its nodes are read once a second for all of them. */
export class FarmWatch {
  readonly #options: FarmWatchOptions;
  readonly #looks = new Map<string, { at: number; nodes: Promise<FarmNode[]> }>();

  constructor(options: FarmWatchOptions) {
    this.#options = options;
  }

  /** For one connection, which is told what is new to it. */
  watcher(tenant: string, page: JobPage): FarmWatcher {
    return new FarmWatcher(this, this.#options, tenant, page);
  }

  nodes(tenant: string): Promise<FarmNode[]> {
    const found = this.#looks.get(tenant);
    if (found && performance.now() - found.at < LOOK_MS) return found.nodes;
    const nodes = this.#look(tenant);
    this.#looks.set(tenant, { at: performance.now(), nodes });
    // One that failed is of no use to anybody else.
    nodes.catch(() => this.#looks.delete(tenant));
    return nodes;
  }

  async #look(tenant: string): Promise<FarmNode[]> {
    const { db, grid } = this.#options;
    const rows = await farmNodes(db, tenant);
    // What a node said last is in its row only now and then.
    return rows.map((row) => {
      const here = grid.fleet.get(row.id);
      // It said that it goes when it has done what it has: to whoever looks that is the same as being told to.
      const state = here?.leaving && row.state === 'active' ? 'draining' : row.state;
      return showFarmNode({ ...row, state, load: here?.load ?? row.load });
    });
  }
}

/** What one connection has been told, and what it has not. */
class FarmWatcher {
  readonly #farm: FarmWatch;
  readonly #options: FarmWatchOptions;
  readonly #tenant: string;
  readonly #page: JobPage;
  #nodes = new Map<string, string>();
  #jobs = new Map<string, string>();
  #rest = '';
  #sampled = 0;

  constructor(farm: FarmWatch, options: FarmWatchOptions, tenant: string, page: JobPage) {
    this.#farm = farm;
    this.#options = options;
    this.#tenant = tenant;
    this.#page = page;
  }

  /** @returns null where nothing is new. */
  async news(): Promise<FarmNews | null> {
    const { db, room, history } = this.#options;
    const { filter, before, limit } = this.#page;
    const [nodes, rows, counted] = await Promise.all([
      this.#farm.nodes(this.#tenant),
      listJobs(db, this.#tenant, filter, { before, limit }),
      jobCounts(db, this.#tenant),
    ]);
    const changed = differing(nodes, this.#nodes);
    const ids = new Set(nodes.map(({ id }) => id));
    const gone = [...this.#nodes.keys()].filter((id) => !ids.has(id));
    for (const id of gone) this.#nodes.delete(id);
    const jobs = rows.map(showJob);
    const told = this.#jobs;
    this.#jobs = new Map(jobs.map(({ id }) => [id, told.get(id) ?? '']));
    const rest = {
      order: jobs.map(({ id }) => id),
      next: rows.length === limit ? `${rows.at(-1)!.position}` : null,
      counts: { queued: 0, running: 0, done: 0, failed: 0, cancelled: 0 },
      problems: room.problem ? [room.problem] : [],
    };
    for (const { state, count } of counted) rest.counts[state] = count;
    const samples = history.after(this.#tenant, this.#sampled);
    this.#sampled = samples.at(-1)?.at ?? this.#sampled;
    const { order, next, counts, problems } = rest;
    const news: FarmNews = {
      nodes: { changed, gone },
      jobs: { order, next, changed: differing<JobView>(jobs, this.#jobs) },
      ...{ counts, samples, problems },
    };
    const was = this.#rest;
    this.#rest = JSON.stringify(rest);
    const isNew =
      this.#rest !== was || changed.length + gone.length + news.jobs.changed.length + samples.length > 0;
    return isNew ? news : null;
  }
}

/** Those that are not as they were told, which they are from then on. */
function differing<Item extends { id: string }>(items: readonly Item[], told: Map<string, string>): Item[] {
  return items.filter((item) => {
    const text = JSON.stringify(item);
    if (told.get(item.id) === text) return false;
    told.set(item.id, text);
    return true;
  });
}
