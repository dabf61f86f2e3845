#!/usr/bin/env node
import { existsSync } from 'node:fs';

const main = new URL('../dist/node/main.js', import.meta.url);
if (existsSync(main)) import(main.href).then((command) => command.main(process.argv));
else {
  process.stderr.write('edge-runner is not built here.\nRun "npm run build:run" first.\n');
  process.exitCode = 1;
}
