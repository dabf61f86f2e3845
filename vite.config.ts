import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import packageJson from './package.json' with { type: 'json' };

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** The pages and their workers: what a browser, headless or not, opens. */
export default defineConfig({
  define: { __VERSION__: JSON.stringify(packageJson.version) },
  root: path('web/pages'),
  // ORT's wasm and its loader are served from the installed package under /ort/, not copied into our bundle.
  resolve: {
    conditions: ['onnxruntime-web-use-extern-wasm', 'module', 'browser', 'development|production'],
    // The live pages are written as anybody else's would be.
    alias: { 'edge-runner': path('web/live/index.ts') },
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  worker: { format: 'es' },
  build: {
    outDir: path('dist/web'),
    emptyOutDir: true,
    target: 'esnext',
    sourcemap: false,
    rolldownOptions: {
      input: {
        runner: path('web/pages/runner/index.html'),
        contribute: path('web/pages/contribute/index.html'),
        dashboard: path('web/pages/dashboard/index.html'),
        overlay: path('web/pages/overlay/index.html'),
        banner: path('web/pages/banner/index.html'),
        api: path('web/pages/api/index.html'),
        pipeline: path('web/pages/examples/pipeline/index.html'),
        processor: path('web/pages/examples/processor/index.html'),
        publish: path('web/pages/examples/publish/index.html'),
        watch: path('web/pages/examples/watch/index.html'),
        bench: path('web/pages/bench/index.html'),
        peers: path('web/pages/bench/peers.html'),
      },
    },
  },
});
