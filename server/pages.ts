import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EdgeRunnerError } from '../protocol/index.ts';

/** The built pages: beside the built command, or in `dist/` when it runs from source. */
export function pagesFolder(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const found = [join(here, '../web'), join(here, '../dist/web')].find((folder) =>
    existsSync(join(folder, 'runner/index.html')),
  );
  if (found) return found;
  throw new EdgeRunnerError(
    'engine-fault',
    'The pages of edge-runner are not built.',
    'Run "npm run build" in the checkout, or install the package again.',
  );
}

/** Where onnxruntime-web's wasm files are installed. */
export const ortFolder = (): string =>
  dirname(createRequire(import.meta.url).resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm'));
