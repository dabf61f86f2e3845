import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { softwareVulkan } from './headless-runner/browser/software-vulkan.ts';
import packageJson from './package.json' with { type: 'json' };

const BROWSERS = [
  process.env.EDGE_RUNNER_BROWSER,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** Flags with which headless Chromium offers WebGPU on a machine without a GPU, external textures included. */
const SOFTWARE_WEBGPU = [
  '--enable-unsafe-webgpu',
  '--enable-features=Vulkan',
  '--use-angle=vulkan',
  '--use-vulkan=swiftshader',
  '--enable-unsafe-swiftshader',
  '--ignore-gpu-blocklist',
];

const browser = BROWSERS.find((path) => path && existsSync(path));

const OFFLINE = [
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

/** Models, clips and reference vectors that may lie beside a checkout; tests that need them are skipped without. */
const TESTDATA = resolve(process.env.EDGE_RUNNER_TESTDATA ?? '../shared/testdata');
const testdata = existsSync(TESTDATA) ? TESTDATA : '';

const NEVER = ['**/node_modules/**', '**/dist/**', '**/.*/**'];

/** What the build puts into the server's code. Each project takes an object of its own, and takes it apart. */
const version = () => ({ __VERSION__: JSON.stringify(packageJson.version) });

/** A busy machine takes its time; what is waited for comes, or the test fails all the same. */
const PATIENT = { testTimeout: 120_000, hookTimeout: 120_000, expect: { poll: { timeout: 30_000 } } };

/**
 * `node`: everything that needs no page of its own. `timing`: what is measured by the clock, nothing beside it.
 * `browser`: what needs WebCodecs or WebGPU, in real Chromium.
 */
export default defineConfig({
  test: {
    projects: [
      {
        define: version(),
        test: {
          name: 'node',
          include: ['**/*.test.ts'],
          exclude: ['**/*.browser.test.ts', '**/*.timing.test.ts', ...NEVER],
          ...PATIENT,
          pool: 'forks',
          maxWorkers: 2,
        },
      },
      {
        define: version(),
        test: {
          name: 'timing',
          include: ['**/*.timing.test.ts'],
          exclude: NEVER,
          ...PATIENT,
          pool: 'forks',
          fileParallelism: false,
        },
      },
      {
        // Found only when a test is under way, they would make the page load anew in the midst of it.
        optimizeDeps: {
          include: [
            ...['onnxruntime-web/jspi', 'onnxruntime-web/webgpu', 'onnxruntime-web/wasm', 'zod'],
            ...['hls.js', 'mediabunny'],
          ],
        },
        server: {
          fs: { allow: ['.', ...(testdata ? [testdata] : [])] },
          headers: {
            'Cross-Origin-Opener-Policy': 'same-origin',
            'Cross-Origin-Embedder-Policy': 'require-corp',
          },
        },
        test: {
          name: 'browser',
          provide: { testdata },
          include: ['**/*.browser.test.ts'],
          exclude: NEVER,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // The software adapter takes every core: two files at once only slow each other down.
          fileParallelism: false,
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({
              launchOptions: {
                executablePath: browser,
                env: { ...process.env, ...(browser && softwareVulkan(browser)) },
                args: [
                  '--headless=new',
                  ...(process.platform === 'linux' ? SOFTWARE_WEBGPU : ['--enable-unsafe-webgpu']),
                  ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
                  ...OFFLINE,
                ],
              },
            }),
            instances: [{ browser: 'chromium' }],
          },
        },
      },
    ],
  },
});
