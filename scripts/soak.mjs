/** `npm run soak`: long runs of every mode, their memory and open frames watched. Arguments go to bench/soak.ts. */
import { setUpBench } from './bench-setup.mjs';
import { become } from './setup.mjs';

const env = await setUpBench();
become(['dist/node/soak.js', ...process.argv.slice(2)], env);
