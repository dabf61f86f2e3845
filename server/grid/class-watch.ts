import type { Logger } from 'pino';
import { queuedKinds } from '../store/claims.ts';
import type { Database } from '../store/database.ts';
import { widenClass } from '../store/encoder-classes.ts';
import { connectedNodes } from '../store/nodes.ts';
import { nameOfClass } from './encoder-classes.ts';
import { canDo, needsKey, type TaskNeeds } from './needs.ts';

/** Milliseconds between two looks at all nodes. */
const LOOK_MS = 1_000;

/**
 * Gives the one class of encoders up that a video began with, where none of its nodes has taken work for a while and
 * others could go on: what they write has its parameter sets in its packets then.
 */
export class ClassWatch {
  readonly #db: Database;
  readonly #graceMs: number;
  readonly #log: Logger;
  /** By key of needs that nobody has met, since when. */
  #unmet = new Map<string, number>();
  #looked = Number.NEGATIVE_INFINITY;

  /** @param graceMs for which a node may be away before it counts as gone. */
  constructor(db: Database, graceMs: number, log: Logger) {
    this.#db = db;
    this.#graceMs = graceMs;
    this.#log = log;
  }

  async look(): Promise<void> {
    const now = performance.now();
    if (now - this.#looked < Math.min(LOOK_MS, this.#graceMs / 4)) return;
    this.#looked = now;
    const kinds = (await queuedKinds(this.#db)).filter(
      ({ needs: { encoderClass } }) => encoderClass && !encoderClass.isStrict,
    );
    if (kinds.length === 0) {
      this.#unmet.clear();
      return;
    }
    const nodes = (await connectedNodes(this.#db)).filter(({ state, pause }) => state === 'active' && !pause);
    const unmet = new Map<string, number>();
    for (const { needs, needsKey: key } of kinds) {
      if (nodes.some((node) => canDo(node, needs))) continue;
      const wider: TaskNeeds = { ...needs, encoderClass: null };
      if (!nodes.some((node) => canDo(node, wider))) continue;
      const since = this.#unmet.get(key) ?? now;
      if (now - since < this.#graceMs) {
        unmet.set(key, since);
        continue;
      }
      const why = `no node with ${nameOfClass(needs)} is left: others go on, and the video has its parameter sets in its packets`;
      this.#log.info({ needs: key }, why);
      await widenClass(this.#db, key, { needs: wider, needsKey: needsKey(wider) }, why);
    }
    this.#unmet = unmet;
  }
}
