import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Router } from 'express';
import { create } from 'tar';
import installScript from './install.sh?raw';
import type { Reach } from './reach.ts';

/** What a host name, an address and a port are made of: it is written into a script. */
const HOST = /^[A-Za-z0-9.:[\]-]{1,255}$/;
/** In the package of every build; the rest is as its `files` say. */
const ALWAYS = ['package.json', 'README.md'];

/** What another machine fetches to become a node: our authority, the script of the one line, this very build. */
export function installFiles(reach: Reach): Router {
  const router = Router({ caseSensitive: true, strict: true });
  router.get('/ca.pem', (_request, response, next) => {
    if (!reach.ca) return next();
    // Phones and desktops offer to install what comes under this type.
    response.type('application/x-x509-ca-cert').set('cache-control', 'no-store').send(reach.ca);
  });
  router.get('/install.sh', (request, response, next) => {
    const host = request.get('host') ?? '';
    if (!HOST.test(host)) return next();
    response
      .type('text/x-shellscript')
      .set('cache-control', 'no-store')
      .send(
        installScript
          .replaceAll('@SERVER@', `${request.protocol}://${host}`)
          .replaceAll('@PIN@', reach.pin ?? ''),
      );
  });
  // Made once: it takes the better part of a second.
  let made: Promise<Buffer> | null = null;
  router.get('/edge-runner.tgz', async (_request, response, next) => {
    const root = packageRoot();
    if (!root) return next();
    made ??= packed(root);
    made.catch(() => {
      made = null;
    });
    response
      .type('application/gzip')
      .set('cache-control', 'no-store')
      .send(await made);
  });
  return router;
}

interface Manifest {
  files: string[];
}

/** Where this build is installed; null where it runs from source, which nobody could install. */
function packageRoot(): string | null {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json')))
      return existsSync(join(folder, 'dist/node/main.js')) ? folder : null;
    if (folder === dirname(folder)) return null;
  }
}

/** The package as npm would pack it. */
function packed(root: string): Promise<Buffer> {
  const { files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
  const left = files.filter((entry) => entry.startsWith('!')).map((entry) => entry.slice(1));
  const isLeft = (path: string) =>
    left.some((entry) => (entry.endsWith('*') ? path.startsWith(entry.slice(0, -1)) : path === entry));
  const taken = [...ALWAYS, ...files.filter((entry) => !entry.startsWith('!'))];
  const stream = create(
    {
      ...{ gzip: true, portable: true, cwd: root, prefix: 'package' },
      filter: (path) => !isLeft(path.replace(/^\.\//, '')),
    },
    taken.filter((entry) => existsSync(join(root, entry))),
  );
  return buffer(stream as AsyncIterable<Buffer>);
}
