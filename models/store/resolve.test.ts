import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RegistryEntry } from '../registry.ts';
import {
  cutAfter,
  type ModelServer,
  modelServer,
  sequential,
  silentAfter,
  status,
  trickle,
  webPage,
  wholeFile,
} from '../testing/model-server.ts';
import { tinyOnnx } from '../testing/tiny-onnx.ts';
import { addModel } from './add.ts';
import { cacheFolder, modelFolders } from './folders.ts';
import type { ModelProgress } from './progress.ts';
import { resolveModel, type StoreOptions } from './resolve.ts';
import { readUserRegistry } from './user-registry.ts';

/** Large enough to be cut in the middle. */
const FILE = tinyOnnx({
  inputs: [{ name: 'images', dims: [1, 3, 416, 416] }],
  outputs: [{ name: 'output', dims: [1, 3549, 85] }],
  initializers: [{ name: 'w', bytes: 300_000 }],
});
const OTHER = tinyOnnx({
  inputs: [{ name: 'images', dims: [1, 3, 416, 416] }],
  outputs: [{ name: 'output', dims: [1, 3549, 85] }],
  initializers: [{ name: 'v', bytes: 300_000 }],
});
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

let server: ModelServer;
let root: string;
let cacheDir: string;
let said: ModelProgress[];

beforeEach(async () => {
  server = await modelServer();
  server.answer(wholeFile(FILE));
  root = await mkdtemp(join(tmpdir(), 'edge-runner-models-'));
  cacheDir = join(root, 'cache');
  said = [];
});

afterEach(async () => {
  await server.close();
  await rm(root, { recursive: true });
});

type DetectEntry = Extract<RegistryEntry, { task: 'detect' }>;

const entry = (changes: Partial<DetectEntry> = {}): DetectEntry => ({
  name: 'tiny',
  task: 'detect',
  licence: 'Apache-2.0',
  source: 'https://example.com',
  url: server.url,
  fileNames: ['tiny.onnx', 'tiny-2.onnx'],
  files: [{ sha256: sha256(FILE), bytes: FILE.length, of: 'test' }],
  adapter: 'yolox',
  input: {
    width: 416,
    height: 416,
    placement: 'top-left',
    pad: 114,
    order: 'bgr',
    mean: [0, 0, 0],
    scale: [1, 1, 1],
  },
  classes: 'coco-80',
  ...changes,
});

const options = (changes: Partial<StoreOptions> = {}): StoreOptions => ({
  folders: [],
  cacheDir,
  registry: [entry()],
  onProgress: (progress) => said.push(progress),
  retryMs: 1,
  stallMs: 300,
  ...changes,
});

const kinds = () => said.map(({ kind }) => kind).filter((kind) => kind !== 'bytes');
const refusedWith = (code: string) => expect.objectContaining({ code });

describe('a registry name', () => {
  it('is downloaded once, and then found in the cache', async () => {
    const first = await resolveModel('tiny', options());
    expect(first.descriptor).toMatchObject({ name: 'tiny', sha256: sha256(FILE), bytes: FILE.length });
    expect(await readFile(first.path)).toEqual(Buffer.from(FILE));
    expect(kinds()).toEqual(['start', 'done']);
    await resolveModel('tiny', options());
    expect(server.ranges).toHaveLength(1);
    expect(await readdir(cacheDir)).toEqual(['tiny.onnx']);
  });

  it('is found in a folder under any of its file names, without the network', async () => {
    await writeFile(join(root, 'tiny-2.onnx'), FILE);
    const { path } = await resolveModel('tiny', options({ folders: [join(root, 'absent'), root] }));
    expect(path).toBe(join(root, 'tiny-2.onnx'));
    expect(server.ranges).toHaveLength(0);
  });

  it('is refused when the file in the folder is another one', async () => {
    await writeFile(join(root, 'tiny.onnx'), OTHER);
    await expect(resolveModel('tiny', options({ folders: [root] }))).rejects.toMatchObject({
      code: 'model-hash',
      message: expect.stringMatching(`${sha256(FILE)}.*${sha256(OTHER)}`),
    });
  });

  it('is fetched again when its file in the cache went bad', async () => {
    await mkdir(cacheDir);
    await writeFile(join(cacheDir, 'tiny.onnx'), FILE.subarray(0, 1000));
    await resolveModel('tiny', options());
    expect(kinds()).toEqual(['damaged', 'start', 'done']);
  });

  it('without a known hash is held to the hash of its first download', async () => {
    const registry = [entry({ files: [] })];
    const { path } = await resolveModel('tiny', options({ registry }));
    expect(kinds()).toEqual(['start', 'done', 'pinned']);
    await rm(path);
    server.answer(wholeFile(OTHER));
    await expect(resolveModel('tiny', options({ registry }))).rejects.toThrow(refusedWith('model-hash'));
    server.answer(wholeFile(FILE));
    await resolveModel('tiny', options({ registry }));
  });

  it('that is none is refused with the names that are', async () => {
    await expect(resolveModel('yolo-nope', options())).rejects.toMatchObject({
      code: 'model-unknown',
      remedy: expect.stringContaining('tiny'),
    });
  });
});

describe('a path', () => {
  it('is taken as it is, and known for what it is by its hash', async () => {
    const path = join(root, 'whatever.onnx');
    await writeFile(path, FILE);
    expect(await resolveModel(path, options())).toMatchObject({ path, descriptor: { name: 'tiny' } });
    await writeFile(path, OTHER);
    expect((await resolveModel(path, options())).descriptor.name).toBe('whatever');
  });

  it('of a bare file name is looked for in the folders', async () => {
    await writeFile(join(root, 'own.onnx'), OTHER);
    expect((await resolveModel('own.onnx', options({ folders: [root] }))).path).toBe(join(root, 'own.onnx'));
  });

  it('to nothing is model-unknown, to text is model-invalid', async () => {
    await expect(resolveModel(join(root, 'no.onnx'), options())).rejects.toThrow(
      refusedWith('model-unknown'),
    );
    await writeFile(join(root, 'text.onnx'), 'not a model');
    await expect(resolveModel(join(root, 'text.onnx'), options())).rejects.toThrow(
      refusedWith('model-invalid'),
    );
  });
});

describe('a download', () => {
  it('that is cut goes on where it stopped', async () => {
    server.answer(cutAfter(FILE, 100_000), wholeFile(FILE));
    await resolveModel('tiny', options());
    expect(server.ranges).toEqual([undefined, 'bytes=100000-']);
    expect(kinds()).toEqual(['start', 'retry', 'start', 'done']);
  });

  it('that failed goes on in the next run, from the part that it left', async () => {
    server.answer(cutAfter(FILE, 100_000), status(503));
    await expect(resolveModel('tiny', options())).rejects.toThrow(refusedWith('model-unavailable'));
    expect(server.ranges).toHaveLength(5);
    expect((await readdir(cacheDir)).sort()).toEqual(['tiny.onnx.part', 'tiny.onnx.part.json']);
    server.answer(wholeFile(FILE));
    await resolveModel('tiny', options());
    expect(server.ranges).toEqual(['bytes=100000-']);
    expect(await readdir(cacheDir)).toEqual(['tiny.onnx']);
  });

  it('adopts the part of a process that was killed, not of one that lives', async () => {
    await mkdir(cacheDir);
    const note = JSON.stringify({ url: server.url, validator: null });
    // No process has a number this high.
    for (const [owner, bytes] of [
      ['4194999.0123abcd', 50_000],
      [`${process.pid}.0123abcd`, 70_000],
    ] as const) {
      await writeFile(join(cacheDir, `tiny.onnx.${owner}.part`), FILE.subarray(0, bytes));
      await writeFile(join(cacheDir, `tiny.onnx.${owner}.part.json`), note);
    }
    await resolveModel('tiny', options());
    expect(server.ranges).toEqual(['bytes=50000-']);
  });

  it('begins anew when the file changed on the server meanwhile', async () => {
    server.answer(cutAfter(OTHER, 100_000), wholeFile(FILE));
    const { path } = await resolveModel('tiny', options());
    expect(await readFile(path)).toEqual(Buffer.from(FILE));
  });

  it('begins anew when the bytes of an older part turn out wrong', async () => {
    await mkdir(cacheDir);
    await writeFile(join(cacheDir, 'tiny.onnx.part'), OTHER.subarray(0, 200_000));
    await writeFile(
      join(cacheDir, 'tiny.onnx.part.json'),
      JSON.stringify({ url: server.url, validator: null }),
    );
    await resolveModel('tiny', options());
    expect(server.ranges).toEqual(['bytes=200000-', undefined]);
  });

  it('from a server without ranges begins anew', async () => {
    server.answer(cutAfter(FILE, 100_000), sequential(FILE));
    const { path } = await resolveModel('tiny', options());
    expect(await readFile(path)).toEqual(Buffer.from(FILE));
  });

  it('that trickles in slower than the watchdog waits for the whole is let be', async () => {
    server.answer(trickle(FILE, 8, 60));
    await resolveModel('tiny', options());
    expect(kinds()).toEqual(['start', 'done']);
  });

  it('that falls silent is cut and repeated', async () => {
    server.answer(silentAfter(FILE, 5000), wholeFile(FILE));
    await resolveModel('tiny', options());
    expect(said).toContainEqual(expect.objectContaining({ kind: 'retry', reason: 'the server fell silent' }));
  });

  it('of another file is refused and leaves nothing', async () => {
    server.answer(wholeFile(OTHER));
    await expect(resolveModel('tiny', options())).rejects.toThrow(refusedWith('model-hash'));
    expect(await readdir(cacheDir)).toEqual([]);
  });

  it('of more bytes than the file has is refused before they come', async () => {
    server.answer(
      trickle(tinyOnnx({ inputs: [], outputs: [], initializers: [{ name: 'w', bytes: 2e6 }] }), 8, 1),
    );
    await expect(resolveModel('tiny', options())).rejects.toMatchObject({
      code: 'model-hash',
      message: expect.stringContaining('sends more than'),
    });
    expect(await readdir(cacheDir)).toEqual([]);
  });

  it.each([
    ['404', () => server.answer(status(404)), '404'],
    ['a web page', () => server.answer(webPage), 'web page'],
  ])(
    'answered with %s is refused at once, with the way to place the file by hand',
    async (_, script, why) => {
      script();
      await expect(resolveModel('tiny', options())).rejects.toMatchObject({
        code: 'model-unavailable',
        message: expect.stringContaining(why),
        remedy: expect.stringMatching(/tiny\.onnx.*EDGE_RUNNER_MODELS/),
      });
      expect(server.ranges).toHaveLength(1);
    },
  );

  it('without a network is refused at once', async () => {
    const gone = await modelServer();
    await gone.close();
    const registry = [entry({ url: gone.url })];
    await expect(resolveModel('tiny', options({ registry, retryMs: 60_000 }))).rejects.toThrow(
      refusedWith('model-unavailable'),
    );
  });

  it('can be interrupted, and keeps what it has', async () => {
    const controller = new AbortController();
    server.answer(silentAfter(FILE, 5000));
    const onProgress = ({ kind }: ModelProgress) => kind === 'bytes' && controller.abort();
    await expect(resolveModel('tiny', options({ signal: controller.signal, onProgress }))).rejects.toThrow(
      refusedWith('interrupted'),
    );
    expect(await readdir(cacheDir)).toContain('tiny.onnx.part');
  });

  it('asked for twice at once runs once', async () => {
    const both = await Promise.all([resolveModel('tiny', options()), resolveModel('tiny', options())]);
    expect(both[0]).toEqual(both[1]);
    expect(server.ranges).toHaveLength(1);
  });

  it('that two processes run at once into one folder harms neither', async () => {
    // Downloads of one process are told apart by their path: by another path to the folder they are strangers.
    await mkdir(cacheDir);
    await symlink(cacheDir, join(root, 'same'));
    server.answer(trickle(FILE, 8, 20));
    const [one, two] = await Promise.all([
      resolveModel('tiny', options()),
      resolveModel('tiny', options({ cacheDir: join(root, 'same') })),
    ]);
    expect(server.ranges).toHaveLength(2);
    expect(await readFile(one.path)).toEqual(Buffer.from(FILE));
    expect(await readFile(two.path)).toEqual(Buffer.from(FILE));
    expect(await readdir(cacheDir)).toEqual(['tiny.onnx']);
  });

  it('into a cache that cannot be written says so', async () => {
    await writeFile(cacheDir, 'a file where the folder should be');
    await expect(resolveModel('tiny', options())).rejects.toMatchObject({
      code: 'model-unavailable',
      remedy: expect.stringContaining('EDGE_RUNNER_CACHE'),
    });
  });
});

describe('adding a model', () => {
  it('copies it, and makes it known by its name', async () => {
    const path = join(root, 'My Street.onnx');
    await writeFile(path, OTHER);
    const added = await addModel(path, options({}));
    expect(added.descriptor.name).toBe('my-street');
    await rm(path);
    expect((await resolveModel('my-street', options())).descriptor.sha256).toBe(sha256(OTHER));
    expect((await readUserRegistry(cacheDir)).get('my-street')?.licence).toBe('unknown');
  });

  it('downloads it from an address', async () => {
    server.answer(trickle(FILE, 3, 1));
    await addModel(server.url, { ...options(), name: 'street', licence: 'MIT' });
    expect((await resolveModel('street', options())).descriptor).toMatchObject({
      name: 'street',
      licence: 'MIT',
    });
  });

  it('keeps what its owner says of a depth model', async () => {
    const path = join(root, 'deep.onnx');
    const deep = tinyOnnx({ inputs: [{ dims: [1, 3, 64, 64] }], outputs: [{ dims: [1, 1, 64, 64] }] });
    await writeFile(path, deep);
    await addModel(path, { ...options(), depth: { larger: 'farther', samples: 'unit' } });
    expect((await resolveModel('deep', options())).descriptor).toMatchObject({
      task: 'depth',
      output: { head: { larger: 'farther' } },
      input: { letterbox: { mean: [0, 0, 0] } },
    });
  });

  it('refuses what is neither a detector nor a depth model, and leaves nothing', async () => {
    const path = join(root, 'other.onnx');
    const other = tinyOnnx({ inputs: [{ dims: [1, 3, 64, 64] }], outputs: [{ dims: [1, 2, 64, 64] }] });
    await writeFile(path, other);
    await expect(addModel(path, options())).rejects.toThrow(refusedWith('model-shape'));
    server.answer(wholeFile(other));
    await expect(addModel(server.url, { ...options(), name: 'other' })).rejects.toThrow(
      refusedWith('model-shape'),
    );
    expect(await readdir(join(cacheDir, 'added'))).toEqual([]);
  });

  it('refuses the name of a built-in model, and names that would leave the cache', async () => {
    const path = join(root, 'own.onnx');
    await writeFile(path, OTHER);
    for (const name of ['tiny', '../tiny', '', '.hidden'])
      await expect(addModel(path, { ...options(), name })).rejects.toThrow(refusedWith('option-invalid'));
  });

  it('is refused later when its file was changed', async () => {
    const path = join(root, 'own.onnx');
    await writeFile(path, OTHER);
    await addModel(path, options());
    await writeFile(join(cacheDir, 'added', 'own.onnx'), FILE);
    await expect(resolveModel('own', options())).rejects.toThrow(refusedWith('model-hash'));
  });

  it('many at once forgets none', async () => {
    const path = join(root, 'own.onnx');
    await writeFile(path, OTHER);
    const names = Array.from({ length: 12 }, (_, index) => `own-${index}`);
    await Promise.all(names.map((name) => addModel(path, { ...options(), name })));
    expect([...(await readUserRegistry(cacheDir)).keys()].sort()).toEqual([...names].sort());
  });
});

describe('folders', () => {
  it('come from the options first, then from the environment', () => {
    expect(modelFolders(['/a'], { EDGE_RUNNER_MODELS: '/b::/c' })).toEqual(['/a', '/b', '/c']);
  });

  it('of the cache follow EDGE_RUNNER_CACHE, XDG_CACHE_HOME, then the platform', () => {
    expect(cacheFolder({ EDGE_RUNNER_CACHE: '/x', XDG_CACHE_HOME: '/y' })).toBe('/x');
    expect(cacheFolder({ XDG_CACHE_HOME: '/y' })).toBe('/y/edge-runner');
    expect(cacheFolder({}, 'linux')).toMatch(/\/\.cache\/edge-runner$/);
    expect(cacheFolder({}, 'darwin')).toMatch(/Library\/Caches\/edge-runner$/);
  });
});
