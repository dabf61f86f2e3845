import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { askOf } from '../../server/testing-node.ts';
import { makeClip, videoTrack } from '../measure/clips.ts';
import type { Section } from '../reporting/report.ts';
import { ROOT } from '../root.ts';
import { ServerProcess } from './server-process.ts';

const ROUNDS = 3;
const FRAMES = 900;
/** What starting on a job may cost, seconds. */
const START = 3;

/** A job through a server and one headless node on this machine, beside `run` of the same clip, in turn. */
export async function benchSubmit(folder: string, say: (line: string) => void): Promise<Section> {
  const clip = await makeClip(folder, 960, 540, FRAMES);
  const server = await ServerProcess.start({ data: join(folder, 'submit') });
  const env = {
    ...process.env,
    XDG_CONFIG_HOME: join(folder, 'config'),
    EDGE_RUNNER_TOKEN: server.admin!,
  };
  const { body } = await askOf(server.url, server.admin!)<{ token: string }>('POST', '/v1/tokens', {
    body: { name: 'nodes', scope: 'enrol' },
  });
  writeFileSync(join(folder, 'enrol'), body.token, { mode: 0o600 });
  const node = start(['join', server.url, '--token-file', join(folder, 'enrol'), '--name', 'node'], env);
  try {
    await new Promise<void>((connected, failed) => {
      let said = '';
      node.stderr.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes('connected as')) connected();
      });
      node.once('close', () => failed(new Error(`the node ended: ${said}`)));
    });
    const times = { run: [] as number[], submit: [] as number[] };
    for (let round = 1; round <= ROUNDS; round++) {
      for (const name of ['run', 'submit'] as const) {
        say(`round ${round} of ${ROUNDS}: ${name}`);
        const output = join(folder, `${name}.mp4`);
        const args = [clip, '--detect', 'street-yolo', '--backend', 'cpu', '-o', output];
        const began = performance.now();
        await finished(start([name, ...(name === 'submit' ? [server.url] : []), ...args], env));
        times[name].push((performance.now() - began) / 1000);
        const { frames } = await videoTrack(output);
        if (frames !== FRAMES) throw new Error(`${name} made ${frames} frames of ${FRAMES}`);
      }
    }
    return {
      id: 'submit',
      title: `A job through a server and one node on this machine: ${FRAMES} frames of 960×540, street-yolo`,
      text: ['Whole commands, from the start of the process to its end: upload, work, download.'],
      measures: [
        { id: 'run', what: 'run', unit: 's', values: times.run, better: 'lower' },
        { id: 'submit', what: 'submit', unit: 's', values: times.submit, better: 'lower' },
        {
          ...{ id: 'ratio', what: `(submit − ${START} s) ÷ run`, unit: '×', better: 'lower' },
          values: times.submit.map((seconds, i) => (seconds - START) / times.run[i]!),
          asked: { atMost: 1.15 },
        },
      ],
      charts: [],
    };
  } finally {
    node.kill('SIGTERM');
    if (node.exitCode === null) await once(node, 'close');
    await server.end('SIGTERM');
  }
}

function start(args: string[], env: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, [join(ROOT, 'bin/edge-runner.mjs'), ...args], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const end = () => child.kill();
  process.once('exit', end);
  child.once('close', () => process.off('exit', end));
  return child;
}

async function finished(child: ReturnType<typeof start>): Promise<void> {
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaints += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`a command ended with ${code}: ${complaints}`);
}
