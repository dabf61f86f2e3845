/** `npm run bench:grid`: the job server under thousands of nodes, and a job through it. Arguments go to bench/grid/. */
import { setUpBench } from './bench-setup.mjs';
import { become } from './setup.mjs';

const env = await setUpBench();
become(['dist/node/bench-grid.js', ...process.argv.slice(2)], env);
