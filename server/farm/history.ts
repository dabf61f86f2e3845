import type { Logger } from 'pino';
import type { FarmSample } from '../../protocol/index.ts';
import type { Database } from '../store/database.ts';
import { samples } from '../store/farm.ts';

/** Milliseconds between two looks, and how many are kept: an hour's. */
export const SAMPLE_MS = 5_000;
const KEPT = 720;

/** How the farm stood over the last hour, by tenant, so that a chart is full when it is opened. */
export class History {
  readonly #db: Database;
  readonly #log: Logger;
  readonly #samples = new Map<string, FarmSample[]>();
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;
  #looking: Promise<void> = Promise.resolve();

  constructor(db: Database, log: Logger) {
    this.#db = db;
    this.#log = log;
  }

  start(): void {
    this.#looking = this.#look()
      .catch((error: unknown) => this.#log.warn({ err: error }, 'the history has a gap'))
      .finally(() => {
        if (!this.#stopped) this.#timer = setTimeout(() => this.start(), SAMPLE_MS);
      });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    await this.#looking;
  }

  /** Of a tenant, after that moment, oldest first. */
  after(tenant: string, at: number): FarmSample[] {
    return (this.#samples.get(tenant) ?? []).filter((sample) => sample.at > at);
  }

  async #look(): Promise<void> {
    const at = Date.now();
    for (const { tenant, ...sample } of await samples(this.#db)) {
      const kept = this.#samples.get(tenant) ?? [];
      kept.push({ at, ...sample });
      if (kept.length > KEPT) kept.shift();
      this.#samples.set(tenant, kept);
    }
  }
}
