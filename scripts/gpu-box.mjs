/**
 * `npm run bench:pack -- [--with-browser] [--out FOLDER]`: all that the bench needs, for a machine that reaches no
 * network: this Node, the built command and pages, its packages, the demo models, Dawn. In parts under 60 MB.
 * bench/gpu-box.md says how to use it there.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { setUpBench } from './bench-setup.mjs';
import { ROOT } from './setup.mjs';

const PART = 56 << 20;
/** Of C itself: the machine's own fit its kernel. */
const OF_THE_SYSTEM = /^(ld-linux|libc\.|libm\.|libdl\.|libpthread\.|librt\.|libresolv\.|libvulkan)/;

const { values } = parseArgs({
  options: {
    'with-browser': { type: 'boolean', default: false },
    out: { type: 'string', default: 'gpu-box' },
  },
});

const env = await setUpBench();
const box = mkdtempSync(join(tmpdir(), 'edge-runner-box-'));
try {
  packApp(join(box, 'app'));
  copyFileSync(process.execPath, join(box, 'node'));
  chmodSync(join(box, 'node'), 0o755);
  if (values['with-browser']) packBrowser(env.EDGE_RUNNER_BROWSER, join(box, 'browser'));
  copyFileSync(join(ROOT, 'bench/gpu-box.sh'), join(box, 'run.sh'));
  chmodSync(join(box, 'run.sh'), 0o755);
  writeParts(box, resolve(values.out));
} finally {
  rmSync(box, { recursive: true, force: true });
}

function packApp(app) {
  for (const path of ['package.json', 'bin', 'dist/node', 'dist/web', 'models/demo']) copy(path, app);
  const listed = execFileSync('npm', ['ls', '--omit=dev', '--all', '--parseable'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  const packages = listed.trim().split('\n').slice(1);
  // The report's charts.
  packages.push(join(ROOT, 'node_modules/uplot'));
  for (const path of packages.map((one) => relative(ROOT, one))) {
    if (!path.endsWith('onnxruntime-web')) copy(path, app);
  }
  copy(
    'node_modules/onnxruntime-web',
    app,
    (path) => !/\/dist\/.+/.test(path) || /ort-wasm-simd-threaded/.test(path),
  );
  const dawn = `/dist/${process.platform}-${process.arch}`;
  copy('bench/peers/package.json', app);
  copy(
    'bench/peers/node_modules/webgpu',
    app,
    (path) => !/\/dist\/.+/.test(path) || path.includes(dawn) || !statSync(path).isDirectory(),
  );
}

function copy(path, app, filter = () => true) {
  const from = join(ROOT, path);
  if (!existsSync(from)) return;
  cpSync(from, join(app, path), { recursive: true, dereference: true, filter });
}

/** A browser with the libraries that it is linked to, for a machine that has none. */
function packBrowser(found, folder) {
  const started = realpathSync(found);
  // Debian's is a script that starts the program in its own folder.
  const program = [started, '/usr/lib/chromium/chromium', '/opt/google/chrome/chrome'].find(
    (path) => existsSync(path) && readFileSync(path).subarray(1, 4).toString() === 'ELF',
  );
  if (!program) throw new Error(`${found} is a script, and where its program lies is not known`);
  cpSync(dirname(program), folder, { recursive: true, dereference: true });
  writeFileSync(join(folder, 'program'), basename(program));
  const libraries = join(folder, 'libraries');
  mkdirSync(libraries);
  const linked = execFileSync('ldd', [program], { encoding: 'utf8' });
  for (const [, path] of linked.matchAll(/=> (\/\S+)/g)) {
    if (!OF_THE_SYSTEM.test(basename(path)))
      copyFileSync(realpathSync(path), join(libraries, basename(path)));
  }
}

function writeParts(from, out) {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const whole = join(out, 'box.tar.xz');
  const { status } = spawnSync('tar', ['-cJf', whole, '-C', from, '.'], {
    stdio: 'inherit',
    env: { ...process.env, XZ_OPT: '-6 -T0' },
  });
  if (status !== 0) throw new Error('tar failed');
  const bytes = readFileSync(whole);
  rmSync(whole);
  const parts = Math.ceil(bytes.length / PART);
  for (let i = 0; i < parts; i++) {
    const name = `box.tar.xz.${String(i).padStart(2, '0')}`;
    writeFileSync(join(out, name), bytes.subarray(i * PART, (i + 1) * PART));
    console.log(`${join(out, name)}  ${(Math.min(PART, bytes.length - i * PART) / 1e6).toFixed(1)} MB`);
  }
  console.log('There: cat box.tar.xz.* | tar -xJ && ./run.sh');
}
