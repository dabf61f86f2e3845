/** `npm run bench`: set-up, build, then the measurements of bench/. Arguments go to them. */
import { setUpBench } from './bench-setup.mjs';
import { become } from './setup.mjs';

const env = await setUpBench();
become(['dist/node/bench.js', ...process.argv.slice(2)], env);
