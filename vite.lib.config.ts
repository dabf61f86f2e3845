import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** Workers of the library, each a module of its own. */
const WORKERS = {
  'live-worker': path('web/engine/live/live-worker.ts'),
  'inference-worker': path('web/engine/cpu/inference-worker.ts'),
  'street-worker': path('web/engine/source/street-worker.ts'),
  'publisher-worker': path('web/live/rtc/publisher-worker.ts'),
};

/**
 * Leaves workers to whoever bundles the page: bundled here, the files that they load would be copied there without their
 * own. So each worker is an entry, and the code that starts it names that file in the way that bundlers look for.
 */
const workersAsEntries = (): Plugin => ({
  name: 'workers-as-entries',
  enforce: 'pre',
  transform: (code) =>
    code.replace(/new URL\(\s*'([^']*-worker)\.ts',\s*import\.meta\.url\s*\)/g, (_, file: string) => {
      const name = basename(file);
      if (!(name in WORKERS)) throw new Error(`${name} is no entry of the library`);
      return `__WORKER_ENTRY__("${name}")`;
    }),
  renderChunk: (code) =>
    code.replace(/__WORKER_ENTRY__\(["'`]([\w-]+)["'`]\)/g, 'new URL("./$1.js", import.meta.url)'),
});

/** The engine, the kernels and the protocol for other people's pages; packages stay imports. */
export default defineConfig({
  plugins: [workersAsEntries()],
  resolve: { conditions: ['onnxruntime-web-use-extern-wasm', 'module', 'browser', 'development|production'] },
  build: {
    lib: {
      entry: {
        engine: path('web/live/index.ts'),
        kernels: path('kernels/index.ts'),
        protocol: path('protocol/index.ts'),
        ...WORKERS,
      },
      formats: ['es'],
    },
    outDir: path('dist/lib'),
    emptyOutDir: true,
    target: 'esnext',
    // Whoever bundles them makes them small; until then they can be read.
    minify: false,
    rolldownOptions: { external: [/^mediabunny/, /^onnxruntime-web/, /^zod/, /^hls\.js/] },
  },
});
