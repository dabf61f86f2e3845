/**
 * node models/train/render.mjs FOLDER [--seeds 700] [--first 10000] [--frames 7] [--processes 2]: training data. Seeds
 * below 10000 are never trained on: they are for tests and scores.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runnerImport } from 'vite';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: 'string', default: '700' },
    first: { type: 'string', default: '10000' },
    frames: { type: 'string', default: '7' },
    processes: { type: 'string', default: '2' },
  },
});
const [folder] = positionals;
if (!folder) throw new Error('say into which folder');
const [seeds, first, frames, processes] = [values.seeds, values.first, values.frames, values.processes].map(
  Number,
);

if (processes === 1) {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const { module } = await runnerImport(fileURLToPath(new URL('render.ts', import.meta.url)), {
    root,
    configFile: false,
    logLevel: 'error',
  });
  module.render(folder, `streets-${first}`, first, seeds, frames);
} else {
  const each = Math.ceil(seeds / processes);
  for (let i = 0; i < processes; i++) {
    const own = [
      '--seeds',
      `${each}`,
      '--first',
      `${first + i * each}`,
      '--frames',
      `${frames}`,
      '--processes',
      '1',
    ];
    spawn(process.execPath, [fileURLToPath(import.meta.url), folder, ...own], { stdio: 'inherit' });
  }
}
