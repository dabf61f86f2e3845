/** `npm run demo`: set-up, then detection, depth and tracking on a clip that it makes itself. The result lies in demo/. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { become, ensureBrowser, ensureBuilt, ensurePackages, ROOT } from './setup.mjs';

ensurePackages();
ensureBuilt();
const env = { ...process.env, EDGE_RUNNER_BROWSER: await ensureBrowser() };
const folder = join(ROOT, 'demo');
mkdirSync(folder, { recursive: true });
become([join(ROOT, 'dist/node/demo.js'), folder], env);
