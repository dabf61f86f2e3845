#!/usr/bin/env node
import('../dist/node/main.js').then((command) => command.main(process.argv));
