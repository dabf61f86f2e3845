import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TEST_MODELS } from '../../models/testing/test-models.ts';
import { tinyYolox } from '../../models/testing/tiny-onnx.ts';
import { modelsCommand } from './models.ts';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'edge-runner-models-command-'));
  vi.stubEnv('EDGE_RUNNER_CACHE', join(root, 'cache'));
  vi.stubEnv('EDGE_RUNNER_MODELS', '');
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(root, { recursive: true });
});

/** Runs `edge-runner models …` and returns what it printed, also when it failed. */
async function models(...words: string[]): Promise<{ printed: string; error: unknown }> {
  let printed = '';
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += text;
    return true;
  });
  try {
    await modelsCommand().parseAsync(words, { from: 'user' });
    return { printed, error: null };
  } catch (error) {
    return { printed, error };
  } finally {
    write.mockRestore();
  }
}

const own = async (name = 'street.onnx') => {
  const path = join(root, name);
  await writeFile(path, tinyYolox());
  return path;
};

describe('models list', () => {
  it('names the built-in models, their licence, and that they are not here', async () => {
    const { printed } = await models('list');
    expect(printed).toMatch(/^NAME +TASK +SIZE +LICENCE +WHERE\n/);
    expect(printed).toMatch(/^yolox-nano +detect +3\.7 MB +Apache-2\.0 +not here$/m);
  });

  it('shows what was added, for programs too', async () => {
    await models('add', await own(), '--licence', 'MIT');
    const listed = JSON.parse((await models('list', '--json')).printed);
    expect(listed.at(-1)).toEqual({
      name: 'street',
      task: 'detect',
      where: 'cache',
      path: join(root, 'cache', 'added', 'street.onnx'),
      bytes: tinyYolox().length,
      licence: 'MIT',
      added: true,
    });
  });

  it('finds files in the folders of --models and of EDGE_RUNNER_MODELS', async () => {
    await mkdir(join(root, 'one'));
    await writeFile(join(root, 'one', 'yolox_nano.onnx'), 'x');
    await writeFile(join(root, 'yolox-tiny.onnx'), 'x');
    vi.stubEnv('EDGE_RUNNER_MODELS', root);
    const { printed } = await models('list', '--models', join(root, 'one'));
    expect(printed).toMatch(/yolox-nano .*folder: .*one\/yolox_nano\.onnx/);
    expect(printed).toMatch(/yolox-tiny .*folder: .*\/yolox-tiny\.onnx/);
  });
});

describe('models add', () => {
  it('says what the model is', async () => {
    const { printed } = await models('add', await own(), '--name', 'my-street');
    expect(printed).toMatch(
      /^my-street {2}yolox, 80 classes, 64x64, licence unknown\n.*added\/my-street\.onnx/,
    );
  });

  it('takes a depth model as its owner says it is', async () => {
    const path = join(root, 'deep.onnx');
    await writeFile(path, tinyYolox({ outputs: [{ dims: [1, 1, 64, 64] }] }));
    const { printed } = await models('add', path, '--depth', 'farther', '--samples', 'unit');
    expect(printed).toMatch(/^deep {2}depth, larger is farther, 64x64, licence unknown\n/);
    expect((await models('list')).printed).toMatch(/^deep +depth /m);
    expect((await models('add', path, '--depth', 'deeper')).error).toMatchObject({ code: 'option-invalid' });
  });

  it('refuses what is neither a detector nor a depth model', async () => {
    const path = join(root, 'other.onnx');
    await writeFile(path, tinyYolox({ outputs: [{ dims: [1, 2, 64, 64] }] }));
    expect((await models('add', path)).error).toMatchObject({ code: 'model-shape' });
  });
});

describe('models verify', () => {
  it('passes what is right', async () => {
    await models('add', await own());
    const { printed, error } = await models('verify');
    expect(error).toBeNull();
    expect(printed).toMatch(/^street {2}ok {2}/m);
    // Those that come with the package are always here.
    expect(printed).toMatch(/^street-yolo {2}ok {2}/m);
  });

  it('names every fault, and fails', async () => {
    await models('add', await own());
    await writeFile(join(root, 'cache', 'added', 'street.onnx'), 'x');
    await writeFile(join(root, 'yolox_nano.onnx'), tinyYolox());
    const { printed, error } = await models('verify', '--models', root);
    expect(printed.match(/.*FAULT.*/g)).toEqual([
      'yolox-nano  FAULT  model-hash',
      'street  FAULT  model-hash',
    ]);
    expect(error).toMatchObject({ code: 'model-hash', message: expect.stringContaining('1 more') });
  });

  it('fails for a named model that is not here', async () => {
    expect((await models('verify', 'yolox-s')).error).toMatchObject({
      code: 'model-unavailable',
      remedy: expect.stringContaining('models pull yolox-s'),
    });
  });
});

describe('models pull', () => {
  it('refuses an unknown name before it fetches anything', async () => {
    const { error } = await models('pull', 'yolox-nano', 'yolox-nope');
    expect(error).toMatchObject({ code: 'model-unknown' });
    expect(await readdir(root)).toEqual([]);
  });

  it.skipIf(!TEST_MODELS)('takes what a folder already has', async () => {
    await copyFile(join(TEST_MODELS!, 'yolox_nano.onnx'), join(root, 'yolox_nano.onnx'));
    const { printed, error } = await models('pull', 'yolox-nano', '--models', root);
    expect(error).toBeNull();
    expect(printed).toMatch(/^yolox-nano {2}.*yolox_nano\.onnx {2}sha256 695e750a/);
  });
});
