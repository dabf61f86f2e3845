import { beforeAll, describe, expect, it } from 'vitest';
import { edgeRunner, expectRefusal, succeed } from './support/command.ts';
import { needsTestdata, TESTDATA, testdata } from './support/testdata.ts';
import { Workspace } from './support/workspace.ts';

const workspace = Workspace.use();

describe('doctor', () => {
  it('says in words what works here, and in JSON the same for machines', async () => {
    const words = await succeed(['doctor']);
    for (const word of ['browser', 'h264', 'vp9', 'backend', 'yolox-nano'])
      expect(words.stdout.toLowerCase()).toContain(word);
    const { stdout } = await succeed(['doctor', '--json']);
    const report = JSON.parse(stdout) as {
      backend: { name: string; reason: string };
      capabilities: { crossOriginIsolated: boolean; decode: Record<string, string> };
    };
    expect(['webgpu', 'cpu']).toContain(report.backend.name);
    expect(report.backend.reason.length).toBeGreaterThan(5);
    expect(report.capabilities.crossOriginIsolated).toBe(true);
    expect(Object.keys(report.capabilities.decode).length).toBeGreaterThan(3);
  });

  it('says what to do where there is no browser', async () => {
    const env = { EDGE_RUNNER_BROWSER: '/nonexistent/chromium' };
    expectRefusal(await edgeRunner(['doctor'], { env }), 3, 'no-browser');
  });
});

describe('inspect', () => {
  let clip: string;
  beforeAll(async () => {
    clip = workspace.at('clip.mp4');
    await succeed(['run', 'pattern:320x180@30:75', '-o', clip]);
  });

  it('tells what run has written', async () => {
    const { stdout } = await succeed(['inspect', clip]);
    for (const fact of ['320', '180', '75', 'avc1']) expect(stdout).toContain(fact);
    expect(() => JSON.parse(stdout)).toThrow();
    const json = await succeed(['inspect', clip, '--json', '--boxes']);
    expect(JSON.stringify(JSON.parse(json.stdout))).toMatch(/ftyp.*moov.*mdat/);
  });

  it('refuses what is not there', async () => {
    expectRefusal(await edgeRunner(['inspect', workspace.at('gone.mp4')]), 2, 'input-missing');
  });
});

describe('models', () => {
  it('lists what can be named', async () => {
    const { stdout } = await succeed(['models', 'list']);
    for (const name of ['yolox-nano', 'yolox-tiny', 'yolox-s']) expect(stdout).toContain(name);
  });

  it.skipIf(!TESTDATA)(needsTestdata('verifies those that are here'), async () => {
    const env = { EDGE_RUNNER_MODELS: testdata('models') };
    const { stdout } = await succeed(['models', 'verify', 'yolox-nano'], { env });
    expect(stdout).toContain('yolox-nano');
  });
});
