import { randomBytes } from 'node:crypto';
import { open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { EdgeRunnerError } from '../../protocol/errors.ts';
import { makeFolder } from './make-folder.ts';

/** A file of the cache that no entry of the built-in registry vouches for. */
const userModel = z.strictObject({
  /** Path inside the cache, with forward slashes and no way out of it. */
  file: z.string().regex(/^(added\/)?[\w.-]+\.onnx$/),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.int().positive(),
  licence: z.string(),
  /** Path or URL that it came from. */
  source: z.string(),
  task: z.enum(['detect', 'depth']).default('detect'),
  /** Of a depth model: which values are near, and how it wants its samples. */
  depth: z
    .strictObject({ larger: z.enum(['nearer', 'farther']), samples: z.enum(['unit', 'imagenet']) })
    .optional(),
});

const userRegistry = z.strictObject({ v: z.literal(1), models: z.record(z.string(), userModel) });

export type UserModel = z.infer<typeof userModel>;

/**
 * `<cache>/models.json`: what the user added, and which hash a built-in model had at its first download when the
 * registry does not know it.
 * @throws {EdgeRunnerError} `model-invalid` when the file cannot be read as such.
 */
export async function readUserRegistry(cacheDir: string): Promise<Map<string, UserModel>> {
  const path = registryPath(cacheDir);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
    throw damaged(path, error);
  }
  try {
    return new Map(Object.entries(userRegistry.parse(JSON.parse(text)).models));
  } catch (error) {
    throw damaged(path, error);
  }
}

/** Adds or replaces one name. Several processes may do so at once. */
export async function recordUserModel(cacheDir: string, name: string, model: UserModel): Promise<void> {
  await makeFolder(cacheDir);
  await withLock(join(cacheDir, 'models.json.lock'), async () => {
    const models = await readUserRegistry(cacheDir);
    models.set(name, model);
    const path = registryPath(cacheDir);
    const beside = `${path}.${randomBytes(6).toString('hex')}.part`;
    await writeFile(beside, `${JSON.stringify({ v: 1, models: Object.fromEntries(models) }, null, 2)}\n`);
    await rename(beside, path);
  });
}

const registryPath = (cacheDir: string) => join(cacheDir, 'models.json');

const damaged = (path: string, cause: unknown) =>
  new EdgeRunnerError(
    'model-invalid',
    `${path} cannot be read as a list of models.`,
    'Delete it, and add your models again with `edge-runner models add`.',
    { cause },
  );

/** Held for the milliseconds of a read and a write; one that is older was left by a process that died. */
const STALE_MS = 5000;

async function withLock(path: string, work: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      await (await open(path, 'wx')).close();
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const age = await stat(path).then(
        ({ mtimeMs }) => Date.now() - mtimeMs,
        () => 0,
      );
      if (age > STALE_MS) await rm(path, { force: true });
      else await sleep(20);
    }
  }
  try {
    await work();
  } finally {
    await rm(path, { force: true });
  }
}
