import { batch, type Signal, signal } from '@preact/signals';
import type {
  ErrorRecord,
  FarmNews,
  FarmNode,
  FarmSample,
  JobState,
  JobView,
} from '../../../protocol/index.ts';
import { type Channel, stream } from './stream.ts';

/** Samples that are kept: an hour's. */
const KEPT = 720;

/** The page of jobs that is looked at. */
export interface JobPage {
  state: JobState | null;
  /** `next` of the page before. */
  after: string | null;
  /** `after` of the pages before, the newest first. */
  newer: readonly (string | null)[];
}

/**
 * The farm as the server tells of it. Every node and job is a signal of its own: a row is drawn anew when what it shows
 * has changed, and no other is.
 */
export class Farm {
  /** In the server's order. */
  readonly nodes = signal<readonly Signal<FarmNode>[]>([]);
  readonly jobs = signal<readonly Signal<JobView>[]>([]);
  readonly next = signal<string | null>(null);
  readonly counts = signal<Readonly<Record<JobState, number>> | null>(null);
  readonly samples = signal<readonly FarmSample[]>([]);
  readonly problems = signal<readonly ErrorRecord[]>([]);
  /** Whether the first news have come. */
  readonly loaded = signal(false);
  readonly page = signal<JobPage>({ state: null, after: null, newer: [] });
  readonly #nodes = new Map<string, Signal<FarmNode>>();
  readonly #jobs = new Map<string, Signal<JobView>>();
  readonly #channel: Channel;

  constructor() {
    // A connection's first news hold all: what was known before may be gone.
    let first = true;
    this.#channel = {
      address: () => {
        const { state, after } = this.page.peek();
        return `/v1/farm?${new URLSearchParams({ ...(state && { state }), ...(after && { after }) })}`;
      },
      types: ['farm'],
      opened: () => {
        first = true;
      },
      hear: ({ data }) => {
        this.#take(JSON.parse(data) as FarmNews, first);
        first = false;
      },
    };
  }

  /** Hears of everything from now on, until something else is followed. */
  watch(): void {
    stream.follow(this.#channel);
  }

  /** Looks at a page of jobs. */
  look(page: JobPage): void {
    this.page.value = page;
    this.watch();
  }

  stop(): void {
    stream.leave(this.#channel);
  }

  /** What whoever runs the server should see to. */
  warn(problems: readonly ErrorRecord[]): void {
    if (JSON.stringify(this.problems.peek()) !== JSON.stringify(problems)) this.problems.value = problems;
  }

  node(id: string): Signal<FarmNode> | undefined {
    return this.#nodes.get(id);
  }

  #take(news: FarmNews, all: boolean): void {
    batch(() => {
      if (all) {
        const here = new Set(news.nodes.changed.map(({ id }) => id));
        for (const id of this.#nodes.keys()) if (!here.has(id)) this.#nodes.delete(id);
      }
      const before = this.#nodes.size;
      for (const id of news.nodes.gone) this.#nodes.delete(id);
      for (const node of news.nodes.changed) put(this.#nodes, node);
      if (all || this.#nodes.size !== before || news.nodes.gone.length > 0)
        this.nodes.value = [...this.#nodes.values()];
      for (const job of news.jobs.changed) put(this.#jobs, job);
      const { order } = news.jobs;
      for (const id of this.#jobs.keys()) if (!order.includes(id)) this.#jobs.delete(id);
      if (
        order.join() !==
        this.jobs
          .peek()
          .map((job) => job.peek().id)
          .join()
      )
        this.jobs.value = order.map((id) => this.#jobs.get(id)!);
      this.next.value = news.jobs.next;
      if (JSON.stringify(this.counts.peek()) !== JSON.stringify(news.counts))
        this.counts.value = news.counts as Record<JobState, number>;
      if (news.samples.length > 0) {
        const known = all ? [] : this.samples.peek();
        this.samples.value = [...known, ...news.samples].slice(-KEPT);
      }
      this.warn(news.problems);
      this.loaded.value = true;
    });
  }
}

function put<Item extends { id: string }>(known: Map<string, Signal<Item>>, item: Item): void {
  const found = known.get(item.id);
  if (found) found.value = item;
  else known.set(item.id, signal(item));
}

export const farm = new Farm();
