import type { BackendChoice } from '../../../protocol/index.ts';
import type { EngineHost } from '../host.ts';
import type { Backend } from './backend.ts';
import { type BackendSetup, selectBackend } from './select.ts';

/**
 * What carries stages out, each chosen when the first source needs it: a job that only copies never asks for a GPU.
 * Where several jobs share them, a model is loaded and compiled once. Whoever made it closes it.
 */
export class Backends {
  readonly #chosen = new Map<string, Promise<Backend>>();

  /** @throws {EdgeRunnerError} `no-gpu` */
  async get(
    choice: BackendChoice,
    needsInference: boolean,
    host: EngineHost,
    setup: BackendSetup,
  ): Promise<Backend> {
    const key = JSON.stringify([choice, needsInference, setup.ortBase, setup.cores]);
    const choosing = this.#chosen.get(key) ?? selectBackend(choice, needsInference, host, setup);
    this.#chosen.set(key, choosing);
    try {
      return await choosing;
    } catch (error) {
      this.#chosen.delete(key);
      throw error;
    }
  }

  async close(): Promise<void> {
    const all = await Promise.allSettled(this.#chosen.values());
    this.#chosen.clear();
    for (const one of all) if (one.status === 'fulfilled') await one.value.close();
  }
}
