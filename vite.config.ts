import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** The pages and their workers: what a browser, headless or not, opens. */
export default defineConfig({
  root: path('web/pages'),
  // ORT's wasm and its loader are served from the installed package under /ort/, not copied into our bundle.
  resolve: { conditions: ['onnxruntime-web-use-extern-wasm', 'module', 'browser', 'development|production'] },
  worker: { format: 'es' },
  build: {
    outDir: path('dist/web'),
    emptyOutDir: true,
    target: 'esnext',
    sourcemap: false,
    rolldownOptions: {
      input: {
        runner: path('web/pages/runner/index.html'),
        bench: path('web/pages/bench/index.html'),
        peers: path('web/pages/bench/peers.html'),
      },
    },
  },
});
