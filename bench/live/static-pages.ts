import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import express from 'express';
import { ROOT } from '../root.ts';

/** The built pages as any web server has them that isolates its pages: no server of ours behind them. */
export interface StaticPages {
  url: string;
  close(): Promise<void>;
}

/** @param folders more of them, by the path that they are served under. */
export async function serveStatically(folders: Record<string, string> = {}): Promise<StaticPages> {
  const app = express();
  app.use((_request, response, next) => {
    response.set({
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
    });
    next();
  });
  const ort = dirname(createRequire(import.meta.url).resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm'));
  app.use('/ort/', express.static(ort));
  app.use('/models/', express.static(join(ROOT, 'models/demo')));
  for (const [path, folder] of Object.entries(folders)) app.use(path, express.static(folder));
  app.use('/', express.static(join(ROOT, 'dist/web')));
  const server = await new Promise<ReturnType<typeof app.listen>>((resolve) => {
    const listening = app.listen(0, '127.0.0.1', () => resolve(listening));
  });
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
