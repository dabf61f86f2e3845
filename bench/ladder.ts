import { fetchedBrowser } from '../headless-runner/browser/fetch.ts';
import { findBrowser } from '../headless-runner/browser/find.ts';
import { type LaunchedBrowser, launchBrowser } from '../headless-runner/browser/launch.ts';
import { LoopbackServer } from '../headless-runner/host/loopback-server.ts';
import { FileSource } from '../headless-runner/host/served-source.ts';
import type { ResolvedModel } from '../models/store/index.ts';
import type { RungRequest, RungResult } from '../web/pages/bench/rungs-worker.ts';
import { ProcessTree } from './process-tree.ts';

export interface RungFigures {
  fps: number;
  /** Processor seconds a frame, all processes of the browser together. */
  cpuPerFrame: number;
}

/** A browser with the bench page, in which single rungs are measured one after another. */
export class Ladder {
  readonly #server: LoopbackServer;
  readonly #launched: LaunchedBrowser;

  private constructor(server: LoopbackServer, launched: LaunchedBrowser) {
    this.#server = server;
    this.#launched = launched;
  }

  static async open(clip: string, model: ResolvedModel | null): Promise<Ladder> {
    const models = new Map(model ? [[model.descriptor.name, model]] : []);
    const sources = new Map([['in', new FileSource(clip)]]);
    const server = await LoopbackServer.start({ sources, pictures: new Map(), models }, (socket) =>
      socket.terminate(),
    );
    const executablePath = findBrowser(await fetchedBrowser());
    const launched = await launchBrowser({ executablePath, backend: 'cpu', headed: false });
    const page = (await launched.browser.pages())[0]!;
    await page.goto(`${server.origin}/bench/index.html`);
    return new Ladder(server, launched);
  }

  async measure(request: Omit<RungRequest, 'origin' | 'token'>): Promise<RungFigures> {
    const page = (await this.#launched.browser.pages())[0]!;
    const tree = new ProcessTree(this.#launched.browser.process()!.pid!);
    try {
      const asked = { ...request, token: this.#server.token };
      const result: RungResult = await page.evaluate((rung) => window.edgeRunnerBench(rung), asked);
      tree.stop();
      return {
        fps: result.frames / result.seconds,
        cpuPerFrame: tree.cpuBetween(result.began, result.ended) / result.frames,
      };
    } finally {
      tree.stop();
    }
  }

  async close(): Promise<void> {
    await this.#launched.close();
    await this.#server.close();
  }
}
