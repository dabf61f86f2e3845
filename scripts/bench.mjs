/** `npm run bench`: set-up, build, then the measurements of bench/. Arguments go to them. */
import { setUpBench } from './bench-setup.mjs';
import { run } from './setup.mjs';

const env = await setUpBench();
run(process.execPath, ['dist/node/bench.js', ...process.argv.slice(2)], { env });
