import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** The engine, the kernels and the protocol for other people's pages; packages stay imports. */
export default defineConfig({
  base: './',
  resolve: { conditions: ['onnxruntime-web-use-extern-wasm', 'module', 'browser', 'development|production'] },
  worker: { format: 'es' },
  build: {
    lib: {
      entry: {
        engine: path('web/live/index.ts'),
        kernels: path('kernels/index.ts'),
        protocol: path('protocol/index.ts'),
      },
      formats: ['es'],
    },
    outDir: path('dist/lib'),
    emptyOutDir: true,
    target: 'esnext',
    rolldownOptions: { external: [/^mediabunny/, /^onnxruntime-web/, /^zod/, /^hls\.js/] },
  },
});
