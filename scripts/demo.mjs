/** `npm run demo`: set-up, then the main job on a clip that it makes itself. The result lies in demo/. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBrowser, ensureBuilt, ensurePackages, ROOT, run } from './setup.mjs';

ensurePackages();
ensureBuilt();
const env = { ...process.env, EDGE_RUNNER_BROWSER: await ensureBrowser() };
const command = join(ROOT, 'bin/edge-runner.mjs');
const folder = join(ROOT, 'demo');
mkdirSync(folder, { recursive: true });
const clip = join(folder, 'clip.mp4');
const out = join(folder, 'out.mp4');

const edgeRunner = (...args) => run(process.execPath, [command, ...args], { env });

console.log('1. a clip of our own: ten seconds of a synthetic street');
edgeRunner('street', '--seed', '6', '--seconds', '10', '-o', clip);

const list = spawnSync(process.execPath, [command, 'models', 'list', '--json'], { env, encoding: 'utf8' });
const model = list.status === 0 ? JSON.parse(list.stdout).find(({ where }) => where !== null) : null;
if (model) {
  console.log(`2. the main job: ${model.name} on every frame, boxes drawn, encoded again`);
  edgeRunner(
    'run',
    clip,
    '--detect',
    model.name,
    '-o',
    out,
    '--events',
    join(folder, 'out.ndjson'),
    '--stats',
    join(folder, 'stats.json'),
  );
} else {
  console.log(
    '2. the main job without its model: none is on this machine, so the clip is only decoded and encoded again',
  );
  console.log('   ("npx edge-runner models pull yolox-nano" downloads one; then run the demo again)');
  edgeRunner(
    'run',
    clip,
    '-o',
    out,
    '--bitrate',
    '2M',
    '--events',
    join(folder, 'out.ndjson'),
    '--stats',
    join(folder, 'stats.json'),
  );
}
console.log(
  `\nThe result: ${out}\nIts events: ${join(folder, 'out.ndjson')}\nIts times:  ${join(folder, 'stats.json')}`,
);
