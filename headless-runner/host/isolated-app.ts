import express, { type Express } from 'express';
import { RUNNER_PATHS } from '../../protocol/index.ts';
import { ortFolder } from '../../server/pages.ts';

/** What the pages of our own browser stand on: isolated, for threads and precise timers, and with onnxruntime beside. */
export function isolatedApp(): Express {
  const app = express();
  app.disable('x-powered-by');
  app.use((_request, response, next) => {
    response.set({
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
      'cross-origin-resource-policy': 'same-origin',
    });
    next();
  });
  app.use(RUNNER_PATHS.ort, express.static(ortFolder(), { immutable: true, maxAge: '1h' }));
  return app;
}
