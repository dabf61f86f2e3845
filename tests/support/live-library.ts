import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright';
import { build } from 'vite';
import type { StaticPages } from '../../bench/live/static-pages.ts';
import type * as Live from '../../web/live/index.ts';
import { ROOT } from './command.ts';
import { openPage } from './pages.ts';

/** What {@link openLivePage} puts into a page. */
export interface LiveWindow {
  edge: typeof Live;
  /** A moving picture of 1280x720 whose bar code counts from there, as `readCounters` reads it; with a tone if wanted. */
  picture(from?: number, withTone?: boolean): MediaStream;
  /** Shows a stream in the video of that id. */
  show(id: string, stream: MediaStream | null): void;
  /** What a test keeps from one evaluation to the next. */
  kept: Record<string, unknown>;
  /** Every connection that was ever made. */
  peers: RTCPeerConnection[];
}

const PAGE = `<!doctype html><title>A page</title>
<script>
  const peers = [];
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...options) {
      super(...options);
      peers.push(this);
    }
  };
</script>
<script type="module">
  import * as edge from "./live.js";
  Object.assign(window, { edge, peers });
</script>`;

/** Builds the live library, with all that it needs, for pages that have nothing else of ours. */
export async function buildLibrary(folder: string): Promise<void> {
  await build({
    configFile: false,
    logLevel: 'error',
    base: './',
    resolve: { conditions: ['onnxruntime-web-use-extern-wasm', 'module', 'browser', 'production'] },
    worker: { format: 'es' },
    build: {
      lib: { entry: { live: join(ROOT, 'web/live/index.ts') }, formats: ['es'] },
      ...{ outDir: folder, emptyOutDir: true, target: 'esnext' },
    },
  });
  await writeFile(join(folder, 'index.html'), PAGE);
}

/** A page of somebody else, of another origin than the server, in a profile of its own. */
export async function openLivePage(
  browser: Browser,
  pages: StaticPages,
): Promise<{ page: Page; context: BrowserContext; faults: string[] }> {
  const context = await browser.newContext();
  const { page, faults } = await openPage(context);
  await loadLibrary(page, `${pages.url}/library/`);
  return { page, context, faults };
}

export async function loadLibrary(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await page.waitForFunction(() => 'edge' in window);
  await page.evaluate(() => {
    Object.assign(window, { picture, show, kept: {} });

    function picture(from = 0, withTone = false): MediaStream {
      const canvas = Object.assign(document.createElement('canvas'), { width: 1280, height: 720 });
      const context = canvas.getContext('2d')!;
      let count = from;
      setInterval(() => {
        context.fillStyle = '#205080';
        context.fillRect(0, 0, 1280, 720);
        context.fillStyle = '#f4c430';
        context.fillRect((count * 9) % 1280, 300, 200, 200);
        for (let bit = 0; bit < 16; bit++) {
          context.fillStyle = (count >> (15 - bit)) & 1 ? '#fff' : '#000';
          context.fillRect(bit * 80, 0, 80, 60);
        }
        count++;
      }, 1000 / 30);
      const stream = canvas.captureStream(30);
      if (withTone) {
        const audio = new AudioContext();
        const out = audio.createMediaStreamDestination();
        const tone = audio.createOscillator();
        tone.connect(out);
        tone.start();
        stream.addTrack(out.stream.getAudioTracks()[0]!);
      }
      return stream;
    }

    function show(id: string, stream: MediaStream | null): void {
      const found = document.querySelector<HTMLVideoElement>(`video#${id}`);
      const video = found ?? document.createElement('video');
      Object.assign(video, { id, autoplay: true, muted: true, srcObject: stream });
      if (!found) document.body.append(video);
    }
  });
}
