import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import packageJson from './package.json' with { type: 'json' };

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** The `edge-runner` command for Node; packages stay imports, resolved where it is installed. */
export default defineConfig({
  define: { __VERSION__: JSON.stringify(packageJson.version) },
  build: {
    ssr: path('headless-runner/main.ts'),
    outDir: path('dist/node'),
    emptyOutDir: true,
    target: 'node20',
    rolldownOptions: { output: { entryFileNames: 'main.js', chunkFileNames: '[name].js' } },
  },
});
