import { REGISTRY } from '../../models/registry.ts';
import {
  cacheFolder,
  locateEntry,
  modelFolders,
  readUserRegistry,
  userNames,
} from '../../models/store/index.ts';

/** A model that can be named, and where its file lies; null when it is not on this machine. */
export interface ModelHere {
  name: string;
  where: string | null;
}

export async function doctorModels(): Promise<ModelHere[]> {
  const places = { folders: modelFolders(), cacheDir: cacheFolder() };
  const builtIn = REGISTRY.map(async (entry) => ({
    name: entry.name,
    where: (await locateEntry(entry, places))?.path ?? null,
  }));
  const added = await readUserRegistry(places.cacheDir);
  return [
    ...(await Promise.all(builtIn)),
    ...userNames(added).map((name) => ({ name, where: added.get(name)!.file })),
  ];
}
