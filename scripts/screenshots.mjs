/** `npm run screenshots`: makes the pictures of the grid's pages in docs/images anew, from the running thing. */
import { become, ensureBrowser, ensureBuilt, ensurePackages } from './setup.mjs';

ensurePackages();
ensureBuilt();
become(['dist/node/screenshots.js', ...process.argv.slice(2)], {
  ...process.env,
  EDGE_RUNNER_BROWSER: await ensureBrowser(),
});
