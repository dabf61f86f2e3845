/**
 * `npm run bench:pack`: all that the bench needs, for a machine that reaches no network: this Node, the built command
 * and pages, its packages, the models and pictures that are here, Dawn. In parts under 60 MB.
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

const HELP = `npm run bench:pack -- [--with-browser] [--out FOLDER]
  packs the bench for a machine without a network; bench/gpu-box.md says how to use it there

  --with-browser  with this machine's browser and its libraries, where the other has none
  --out FOLDER    where the parts go (default: gpu-box); what an earlier pack left there is replaced
`;

const values = options();
const env = await setUpBench();
const box = mkdtempSync(join(tmpdir(), 'edge-runner-box-'));
process.once('exit', () => rmSync(box, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));
packApp(join(box, 'app'));
packModels(join(box, 'models'));
packPictures(join(box, 'testdata'));
copyFileSync(process.execPath, join(box, 'node'));
chmodSync(join(box, 'node'), 0o755);
if (values['with-browser']) packBrowser(env.EDGE_RUNNER_BROWSER, join(box, 'browser'));
copyFileSync(join(ROOT, 'bench/gpu-box.sh'), join(box, 'run.sh'));
chmodSync(join(box, 'run.sh'), 0o755);
writeParts(box, resolve(values.out));

function options() {
  try {
    const { values: given } = parseArgs({
      options: {
        'with-browser': { type: 'boolean', default: false },
        out: { type: 'string', default: 'gpu-box' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (!given.help) return given;
    process.stdout.write(HELP);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${error.message}\n\n${HELP}`);
    process.exit(2);
  }
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
  writeFileSync(join(app, 'COMMIT'), `${commit()}\n`);
  const dawn = `/dist/${process.platform}-${process.arch}`;
  copy('bench/peers/package.json', app);
  copy(
    'bench/peers/node_modules/webgpu',
    app,
    (path) => !/\/dist\/.+/.test(path) || path.includes(dawn) || !statSync(path).isDirectory(),
  );
}

/** The usual detection model, where it is here; the street's networks are part of the package. */
function packModels(folder) {
  const command = [join(ROOT, 'bin/edge-runner.mjs'), 'models', 'list', '--json'];
  const known = JSON.parse(execFileSync(process.execPath, command, { encoding: 'utf8' }));
  const { path } = known.find(({ name }) => name === 'yolox-nano');
  if (!path) {
    process.stderr.write('yolox-nano is not here: the box has the networks of the street only\n');
    return;
  }
  mkdirSync(folder);
  copyFileSync(path, join(folder, basename(path)));
}

/** The pictures on which accuracy is measured, where they are here. */
function packPictures(folder) {
  const pictures = join(process.env.EDGE_RUNNER_TESTDATA ?? join(ROOT, '../shared/testdata'), 'coco');
  if (!existsSync(join(pictures, 'instances_50.json'))) return;
  const target = join(folder, 'coco');
  mkdirSync(target, { recursive: true });
  copyFileSync(join(pictures, 'instances_50.json'), join(target, 'instances_50.json'));
  cpSync(join(pictures, 'images'), join(target, 'images'), { recursive: true, dereference: true });
}

function commit() {
  const git = (...args) => spawnSync('git', args, { cwd: ROOT, encoding: 'utf8' });
  const { status, stdout } = git('rev-parse', '--short', 'HEAD');
  if (status !== 0) return 'unknown';
  return git('status', '--porcelain').stdout ? `${stdout.trim()} and changes` : stdout.trim();
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
  const whole = join(out, 'box.tar.gz');
  process.stderr.write('packing, which takes a minute\n');
  // Not xz, which is a sixth smaller: a bare machine may lack it.
  const { status } = spawnSync('tar', ['-czf', whole, '-C', from, '.'], { stdio: 'inherit' });
  if (status !== 0) throw new Error('tar failed');
  const bytes = readFileSync(whole);
  rmSync(whole);
  const parts = Math.ceil(bytes.length / PART);
  for (let i = 0; i < parts; i++) {
    const name = `box.tar.gz.${String(i).padStart(2, '0')}`;
    writeFileSync(join(out, name), bytes.subarray(i * PART, (i + 1) * PART));
    console.log(`${join(out, name)}  ${(Math.min(PART, bytes.length - i * PART) / 1e6).toFixed(1)} MB`);
  }
  console.log('There: cat box.tar.gz.* | tar -xz && ./run.sh');
}
