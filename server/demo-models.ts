import { join } from 'node:path';
import { type Request, type Response, Router } from 'express';
import { REGISTRY } from '../models/registry.ts';
import { packagedFolder } from '../models/store/index.ts';
import type { ModelShelf } from './models.ts';

/**
 * The models that come with edge-runner, `NAME.onnx` with its descriptor `NAME.json`, for pages that have no token: who
 * has the package has them. Nothing else lies here, whatever is in the folder.
 */
export function demoModels(models: ModelShelf): Router {
  const router = Router({ caseSensitive: true, strict: true });
  for (const { name, fileNames } of REGISTRY.filter(({ url }) => url === null)) {
    router.get(`/${fileNames[0]}`, (_request: Request, response: Response, next) => {
      const path = join(packagedFolder(), fileNames[0]!);
      response.type('application/octet-stream');
      response.sendFile(path, CACHED, (error) => {
        if (error && !response.headersSent) next(error);
      });
    });
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
