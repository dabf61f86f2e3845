import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { edgeRunner, expectRefusal } from './support/command.ts';
import { needsTestdata, TESTDATA, testdata } from './support/testdata.ts';
import { Workspace } from './support/workspace.ts';

const workspace = Workspace.use();
const PATTERN = 'pattern:320x180@30:10';

/** With neither a cache nor a folder of models but those named. */
async function refused(args: string[], code: string, exit = 2): Promise<string> {
  const output = workspace.output('.mp4');
  const env = { EDGE_RUNNER_MODELS: undefined, XDG_CACHE_HOME: workspace.at('cache') };
  const finished = await edgeRunner(['run', PATTERN, '-o', output, ...args], { env });
  expectRefusal(finished, exit, code);
  expect(await workspace.has(output)).toBe(false);
  expect(await workspace.parts()).toEqual([]);
  return finished.stderr;
}

describe('a model is refused', () => {
  it('that nobody knows, with the names that are known', async () => {
    expect(await refused(['--detect', 'yolox-gigantic'], 'model-unknown')).toContain('yolox-nano');
  });

  it('whose file is not there', async () => {
    await refused(['--detect', workspace.at('gone.onnx')], 'model-unknown');
  });

  it.each([
    ['text', 'not a network\n'.repeat(50)],
    ['nothing', ''],
    ['a page that came in its place', '<!doctype html><title>404</title>'],
  ])('that is %s', async (_what, content) => {
    writeFileSync(workspace.at('model.onnx'), content);
    await refused(['--detect', workspace.at('model.onnx')], 'model-invalid');
  });
});

describe('a model that comes with edge-runner is refused', () => {
  it('for what it does not do', async () => {
    expect(await refused(['--detect', 'street-depth'], 'model-task')).toContain('--depth');
    expect(await refused(['--depth', 'street-yolo'], 'model-task')).toContain('--detect');
    // Neither is here, and neither is fetched.
    expect(await refused(['--detect', 'midas-small'], 'model-task')).toContain('--depth');
    expect(await refused(['--depth', 'yolox-tiny'], 'model-task')).toContain('--detect');
  });
});

describe.skipIf(!TESTDATA)(needsTestdata('a real model is refused'), () => {
  const real = (name: string) => testdata(`models/${name}`);

  it('with one bit that is not as its maker made it', async () => {
    const folder = workspace.at('flipped');
    mkdirSync(folder);
    const bytes = readFileSync(real('yolox_nano.onnx'));
    bytes[bytes.byteLength >> 1]! ^= 1;
    writeFileSync(`${folder}/yolox_nano.onnx`, bytes);
    const stderr = await refused(['--detect', 'yolox-nano', '--models', folder], 'model-hash');
    expect(stderr).toContain('yolox_nano.onnx');
  });

  it('that was cut', async () => {
    const bytes = readFileSync(real('yolox_nano.onnx'));
    writeFileSync(workspace.at('half.onnx'), bytes.subarray(0, bytes.byteLength / 2));
    await refused(['--detect', workspace.at('half.onnx')], 'model-invalid');
  });

  it('that estimates depth, when objects are asked for', async () => {
    const stderr = await refused(['--detect', real('pydnetpp_448x640_fp32_from_tflite.onnx')], 'model-task');
    expect(stderr).toContain('--depth');
  });

  it('that finds objects, when depth is asked for', async () => {
    expect(await refused(['--depth', real('yolox_nano.onnx')], 'model-task')).toContain('--detect');
  });

  it.each(['nanodet_m.onnx', 'espcn_x3_luma_dynamic.onnx'])(
    'that finds no objects the way we read them: %s',
    async (name) => {
      await refused(['--detect', real(name)], 'model-shape');
    },
  );

  it('when a class is asked for that it does not know', async () => {
    copyFileSync(real('yolox_nano.onnx'), workspace.at('nano.onnx'));
    const stderr = await refused(
      ['--detect', workspace.at('nano.onnx'), '--classes', 'person,unicorn'],
      'option-invalid',
    );
    expect(stderr).toContain('unicorn');
  });
});
