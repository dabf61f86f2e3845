import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import packageJson from './package.json' with { type: 'json' };

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** The `edge-runner` command for Node; packages stay imports, resolved where it is installed. */
export default defineConfig({
  define: { __VERSION__: JSON.stringify(packageJson.version) },
  build: {
    ssr: true,
    outDir: path('dist/node'),
    emptyOutDir: true,
    target: 'node20',
    rolldownOptions: {
      // The set-up script finds or fetches a browser with the command's own code.
      input: {
        main: path('headless-runner/main.ts'),
        server: path('server/index.ts'),
        stitcher: path('server/stitcher/worker.ts'),
        browser: path('headless-runner/browser/index.ts'),
        bench: path('bench/main.ts'),
        'bench-kernels': path('bench/kernels/main.ts'),
        soak: path('bench/soak.ts'),
        screenshots: path('bench/pages/screenshots.ts'),
        'bench-grid': path('bench/grid/main.ts'),
        demo: path('bench/demo/main.ts'),
      },
      output: { entryFileNames: '[name].js', chunkFileNames: '[name].js' },
    },
  },
});
