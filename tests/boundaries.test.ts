import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from './support/command.ts';

const ROOMS = [
  ...['protocol', 'kernels', 'models', 'web/engine', 'web/live', 'web/node', 'web/pages'],
  // In a thread of its own, a host of the engine for what decodes nothing; before the room that it lies in.
  ...['server/stitcher', 'server'],
  ...['headless-runner', 'bench', 'tests'],
] as const;
type Room = (typeof ROOMS)[number];

/** Who may import whom; every room may import itself, and what measures or tests may import anything. */
const MAY: Record<Room, readonly Room[]> = {
  protocol: [],
  kernels: [],
  models: ['kernels', 'protocol'],
  'web/engine': ['models', 'kernels', 'protocol'],
  // The engine in other people's pages: what needs a document.
  'web/live': ['web/engine', 'models', 'kernels', 'protocol'],
  'web/node': ['web/engine', 'protocol'],
  'web/pages': ['web/engine', 'web/live', 'web/node', 'models', 'kernels', 'protocol'],
  'server/stitcher': ['web/engine', 'web/node', 'protocol'],
  server: ['protocol', 'models'],
  'headless-runner': ['protocol', 'server', 'models'],
  bench: ROOMS,
  tests: ROOMS,
};

interface Import {
  from: string;
  /** Path in the repository of a file of ours; the name as written of a package. */
  to: string;
  ours: boolean;
  /** Gone at run time. */
  typeOnly: boolean;
}

/** What `npm run demo` made; it names the files that it wrote. */
const DEMO = join(ROOT, 'demo');
const SKIPPED = new Set(['node_modules', 'dist', '.git', '.ci', 'coverage', 'docs', '.github']);

function filesBelow(folder: string, matches: (name: string) => boolean): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return SKIPPED.has(entry.name) || path === DEMO ? [] : filesBelow(path, matches);
    return matches(entry.name) ? [path] : [];
  });
}

const inRepository = (path: string) => relative(ROOT, path).split(sep).join('/');
const sources = filesBelow(ROOT, (name) => /\.tsx?$/.test(name) && !name.endsWith('.d.ts')).map(inRepository);
const textOf = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const isTest = (path: string) => /\.test\.ts$|(^|\/)testing/.test(path) || path.startsWith('tests/');

const roomOf = (path: string): Room | undefined => ROOMS.find((room) => path.startsWith(`${room}/`));

/** Static, dynamic and worker imports of a file. */
function importsOf(from: string): Import[] {
  const text = textOf(from).replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  const statics = [...text.matchAll(/^\s*(?:import|export)\b([^;'"]*?)\bfrom\s*'([^']+)'/gm)].map(
    ([, what, to]) => ({ to: to!, typeOnly: isTypeOnly(what!) }),
  );
  const others = [
    ...text.matchAll(/^\s*import\s*'([^']+)'/gm),
    ...text.matchAll(/\bimport\(\s*'([^']+)'\s*\)/g),
    ...text.matchAll(/new URL\(\s*'(\.[^']+\.ts)'/g),
  ].map(([, to]) => ({ to: to!, typeOnly: false }));
  return [...statics, ...others].map(({ to, typeOnly }) => {
    const ours = to.startsWith('.');
    const path = ours ? inRepository(join(ROOT, dirname(from), to.replace(/\?.*$/, ''))) : to;
    return { from, to: path, ours, typeOnly };
  });
}

function isTypeOnly(what: string): boolean {
  if (/^\s*type\b/.test(what)) return true;
  const names = /^\s*\{([^}]*)\}\s*$/.exec(what)?.[1];
  if (names === undefined) return false;
  return names.split(',').every((name) => name.trim() === '' || /^type\s/.test(name.trim()));
}

const imports = sources.flatMap(importsOf);

describe('the rooms', () => {
  it('hold every source file but the configuration of the tools', () => {
    const homeless = sources.filter((path) => roomOf(path) === undefined);
    expect(homeless.filter((path) => !/^[\w.-]+\.(config|d)\.ts$|^vite/.test(path))).toEqual([]);
  });

  it.each(ROOMS)('%s imports only whom it may', (room) => {
    const trespasses = imports
      .filter(({ from, ours }) => ours && roomOf(from) === room && !isTest(from))
      .filter(({ to }) => {
        const other = roomOf(to);
        // What is outside all rooms is a package's own file or a fault.
        return other ? other !== room && !MAY[room].includes(other) : to !== 'package.json';
      })
      .map(({ from, to }) => `${from} → ${to}`);
    expect(trespasses).toEqual([]);
  });

  it('import one another in no circle', () => {
    const edges = new Map<Room, Set<Room>>();
    for (const { from, to, ours } of imports) {
      const [room, other] = [roomOf(from), roomOf(to)];
      if (!ours || !room || !other || room === other || isTest(from)) continue;
      edges.set(room, (edges.get(room) ?? new Set<Room>()).add(other));
    }
    expect(circleIn(edges)).toBeNull();
  });

  it('have no circle of files that need one another at run time', () => {
    const edges = new Map<string, Set<string>>();
    for (const { from, to, ours, typeOnly } of imports)
      if (ours && !typeOnly) edges.set(from, (edges.get(from) ?? new Set<string>()).add(to));
    expect(circleIn(edges)).toBeNull();
  });

  it('import only files that are there', () => {
    const missing = imports.filter(({ to, ours }) => ours && !exists(to) && !exists(`${to}.ts`));
    expect(missing.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
  });
});

describe('the engine', () => {
  /** All that a page loads with it: its own files and what they import, wherever that is. */
  const reached = reachedFrom(sources.filter((path) => path.startsWith('web/') && !isTest(path)));

  it('and what it imports use nothing of Node', () => {
    const uses = imports.filter(({ from, to }) => reached.has(from) && to.startsWith('node:'));
    expect(uses.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
  });

  it('names no DOM', () => {
    const found = sources
      .filter((path) => path.startsWith('web/engine/') && !isTest(path))
      .filter((path) => {
        const text = code(path);
        // A word of its own for a thing of ours is no DOM.
        const isOurs = (name: string) => new RegExp(`\\b${name}\\s*[:,}=)]`).test(text);
        return [
          ...text.matchAll(/(?<![.#\w])(document|window|screen|localStorage)\b[.)]|\bHTML\w+Element\b/g),
        ].some(([, name]) => name === undefined || !isOurs(name));
      });
    expect(found).toEqual([]);
  });

  it('waits for nothing by the clock but the pace that a user asked for', () => {
    const found = sources
      .filter((path) => path.startsWith('web/engine/') && !isTest(path))
      .filter((path) => /\bset(Timeout|Interval)\(/.test(code(path)));
    expect(found.filter((path) => path !== 'web/engine/pipeline/pace.ts')).toEqual([]);
  });

  const code = (path: string) => textOf(path).replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
});

describe('the repository', () => {
  it('has at its top what someone who comes to it looks for', () => {
    for (const path of [
      ...['README.md', 'LICENSE', 'package.json', 'package-lock.json', 'tsconfig.json', 'biome.json'],
      ...['bin/edge-runner.mjs', 'models/registry.json', 'docs', '.ci/run', 'vitest.config.ts'],
    ])
      expect(exists(path), path).toBe(true);
    expect(statSync(join(ROOT, '.ci/run')).mode & 0o111, '.ci/run can be run').not.toBe(0);
    expect(textOf('LICENSE')).toMatch(/Apache License\s+Version 2\.0/);
  });

  it('names no path of somebody’s machine', () => {
    const texts = filesBelow(ROOT, (name) => /\.(ts|mjs|json|md|wgsl|html|ya?ml)$|^run$/.test(name));
    const own = /(?:^|[^\w.$/}])\/(?:work|root|home|Users)\/[\w.-]+|[A-Z]:\\\\?Users\\/;
    const found = texts.filter((path) => own.test(readFileSync(path, 'utf8'))).map(inRepository);
    expect(found).toEqual([]);
  });

  it('has no test that is left out or alone', () => {
    const marks = new RegExp(`\\b(?:it|test|describe)\\.(?:${['only', 'todo', 'skip'].join('|')})\\(`);
    expect(sources.filter((path) => isTest(path) && marks.test(textOf(path)))).toEqual([]);
  });
});

function exists(path: string): boolean {
  return statSync(join(ROOT, path), { throwIfNoEntry: false }) !== undefined;
}

function reachedFrom(roots: string[]): Set<string> {
  const reached = new Set<string>();
  const open = [...roots];
  while (open.length > 0) {
    const path = open.pop()!;
    if (reached.has(path)) continue;
    reached.add(path);
    for (const { from, to, ours, typeOnly } of imports) if (from === path && ours && !typeOnly) open.push(to);
  }
  return reached;
}

/** The nodes of a circle in order, null when there is none. */
function circleIn<T>(edges: Map<T, Set<T>>): T[] | null {
  const done = new Set<T>();
  const path: T[] = [];
  const visit = (node: T): T[] | null => {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node];
    if (done.has(node)) return null;
    path.push(node);
    for (const next of edges.get(node) ?? []) {
      const circle = visit(next);
      if (circle) return circle;
    }
    path.pop();
    done.add(node);
    return null;
  };
  for (const node of edges.keys()) {
    const circle = visit(node);
    if (circle) return circle;
  }
  return null;
}
