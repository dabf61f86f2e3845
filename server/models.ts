import { checkTask, type ModelDescriptor } from '../models/descriptor.ts';
import { findEntry, REGISTRY, type RegistryEntry, unknownModel } from '../models/registry.ts';
import {
  locateEntry,
  type ResolvedModel,
  readUserRegistry,
  resolveModel,
  type StoreOptions,
  userNames,
} from '../models/store/index.ts';
import { EdgeRunnerError, type JobSpec } from '../protocol/index.ts';

/** The models that jobs may name: those of the registry and those that the operator added. Never a path. */
export class ModelShelf {
  readonly #store: StoreOptions;
  readonly #resolved = new Map<string, Promise<ResolvedModel>>();

  constructor(store: StoreOptions) {
    this.#store = store;
  }

  /** Refuses a job that names a model which is not there, or is one for another task; nothing is downloaded for it. */
  async check(spec: JobSpec): Promise<void> {
    for (const stage of spec.stages) {
      if (stage.kind !== 'detect' && stage.kind !== 'depth') continue;
      const { model } = stage.options;
      const entry = findEntry(model);
      if (entry) checkTask(stage.kind, entry);
      else await this.#checkAdded(model);
    }
  }

  async list(): Promise<{ name: string; task: string; here: boolean }[]> {
    const builtIn = REGISTRY.map(async (entry) => ({
      name: entry.name,
      task: entry.task,
      here: (await locateEntry(entry, this.#store)) !== null,
    }));
    const added = await readUserRegistry(this.#store.cacheDir);
    return [
      ...(await Promise.all(builtIn)),
      ...userNames(added).map((name) => ({ name, task: added.get(name)!.task, here: true })),
    ];
  }

  /** Where the file of a built-in model lies; null when it is not here. */
  async locate(entry: RegistryEntry): Promise<string | null> {
    return (await locateEntry(entry, this.#store))?.path ?? null;
  }

  /** A model's file, downloaded first where it has to be. @throws {EdgeRunnerError} `not-found`; of the store. */
  async get(name: string): Promise<{ descriptor: ModelDescriptor; path: string }> {
    if (!findEntry(name)) await this.#checkAdded(name);
    let resolving = this.#resolved.get(name);
    if (!resolving) {
      resolving = resolveModel(name, this.#store);
      this.#resolved.set(name, resolving);
      // The network may be back at the next try.
      resolving.catch(() => this.#resolved.delete(name));
    }
    return resolving;
  }

  async #checkAdded(name: string): Promise<void> {
    const names = userNames(await readUserRegistry(this.#store.cacheDir));
    if (names.includes(name)) return;
    if (/[\\/]|\.onnx$/i.test(name))
      throw new EdgeRunnerError(
        'model-unknown',
        `"${name}" is a file, and the server takes models by name.`,
        'On the server: "edge-runner models add NAME FILE"; then name it.',
      );
    throw unknownModel(name, [...REGISTRY.map((entry) => entry.name), ...names]);
  }
}
