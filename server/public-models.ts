import { type Request, type Response, Router } from 'express';
import { REGISTRY } from '../models/registry.ts';
import type { ModelShelf } from './models.ts';

/**
 * Files of the registry's models that are here, their names in `index.json`, and descriptors `NAME.json` of those that come with edge-runner, for pages
 * that have no token: all of them are public releases. Nothing is downloaded for it, nothing that was added is shown, and
 * nothing else lies here, whatever is in the folders.
 */
export function publicModels(models: ModelShelf): Router {
  const router = Router({ caseSensitive: true, strict: true });
  router.get('/index.json', async (_request: Request, response: Response) => {
    const located = await Promise.all(REGISTRY.map((entry) => models.locate(entry)));
    response.json(REGISTRY.filter((_, i) => located[i] !== null).map(({ fileNames }) => fileNames[0]));
  });
  for (const entry of REGISTRY) {
    router.get(`/${entry.fileNames[0]}`, async (_request: Request, response: Response, next) => {
      const path = await models.locate(entry);
      if (path === null) return next();
      response.type('application/octet-stream');
      response.sendFile(path, CACHED, (error) => {
        if (error && !response.headersSent) next(error);
      });
    });
  }
  for (const { name } of REGISTRY.filter(({ url }) => url === null)) {
    router.get(`/${name}.json`, (_request: Request, response: Response, next) => {
      models.get(name).then(({ descriptor }) => {
        response.set('cache-control', 'public, max-age=3600, immutable').json(descriptor);
      }, next);
    });
  }
  return router;
}

/** An hour only: a newer edge-runner has other bytes by the same name. */
const CACHED = { dotfiles: 'allow', immutable: true, maxAge: '1h' } as const;
