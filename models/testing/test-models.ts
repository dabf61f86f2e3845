import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder of real models for tests: EDGE_RUNNER_MODELS, else the one beside the repository. null: there is none. */
export const TEST_MODELS: string | null =
  [
    ...(process.env.EDGE_RUNNER_MODELS ?? '').split(delimiter),
    fileURLToPath(new URL('../../../shared/testdata/models', import.meta.url)),
  ].find((folder) => folder !== '' && existsSync(join(folder, 'yolox_nano.onnx'))) ?? null;
