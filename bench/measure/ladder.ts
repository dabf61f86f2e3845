import type { Page } from 'puppeteer-core';
import { fetchedBrowser } from '../../headless-runner/browser/fetch.ts';
import { findBrowser } from '../../headless-runner/browser/find.ts';
import { type LaunchedBrowser, launchBrowser } from '../../headless-runner/browser/launch.ts';
import { LoopbackServer } from '../../headless-runner/host/loopback-server.ts';
import { FileSource } from '../../headless-runner/host/served-source.ts';
import type { ResolvedModel } from '../../models/store/index.ts';
import type { BackendChoice, CapabilityReport } from '../../protocol/index.ts';
import type { RungRequest } from '../../web/pages/bench/rungs/request.ts';
import { ProcessTree } from './process-tree.ts';

/** Where rungs and streams are measured. */
export const BENCH_PAGE = '/bench/index.html';

export interface RungFigures {
  fps: number;
  /** Processor seconds a frame, all processes of the browser together. */
  cpuPerFrame: number;
  /** Milliseconds a frame by the GPU's own clock, where it has one. */
  gpuMs: number | null;
}

export interface LadderOptions {
  clip: string;
  models: ResolvedModel[];
  /** Decides the browser's flags. */
  backend: BackendChoice;
}

/** A browser in which single pieces of work are measured one after another, each in a page and profile of its own. */
export class Ladder {
  readonly server: LoopbackServer;
  readonly #launched: LaunchedBrowser;

  private constructor(server: LoopbackServer, launched: LaunchedBrowser) {
    this.server = server;
    this.#launched = launched;
  }

  static async open({ clip, models, backend }: LadderOptions): Promise<Ladder> {
    const served = {
      sources: new Map([['in', new FileSource(clip)]]),
      pictures: new Map(),
      models: new Map(models.map((model) => [model.descriptor.name, model])),
    };
    const server = await LoopbackServer.start(served, (socket) => socket.terminate());
    try {
      const executablePath = findBrowser(await fetchedBrowser());
      return new Ladder(server, await launchBrowser({ executablePath, backend, headed: false }));
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  measure(request: Omit<RungRequest, 'origin' | 'token'>): Promise<RungFigures> {
    return this.withPage(BENCH_PAGE, (page) => this.measureIn(page, request));
  }

  /** The same in a page that is there already. */
  async measureIn(page: Page, request: Omit<RungRequest, 'origin' | 'token'>): Promise<RungFigures> {
    const asked = { ...request, token: this.server.token };
    const tree = new ProcessTree(this.#launched.browser.process()!.pid!);
    try {
      const result = await page.evaluate((rung) => window.edgeRunnerBench(rung), asked);
      return {
        fps: result.frames / result.seconds,
        cpuPerFrame: tree.cpuBetween(result.began, result.ended) / result.frames,
        gpuMs: result.gpuMs ?? null,
      };
    } finally {
      tree.stop();
    }
  }

  /** What this browser is and can do. */
  async probe(): Promise<{ version: string; capabilities: CapabilityReport }> {
    const capabilities = await this.withPage('/runner/index.html', (page) =>
      page.evaluate(() => window.edgeRunner.probe()),
    );
    return { version: await this.#launched.browser.version(), capabilities };
  }

  /**
   * Work in a new page of a new profile: of wasm that a profile has cached the browser compiles the rest in the
   * background, for many seconds, beside whatever is measured then.
   */
  async withPage<T>(path: string, work: (page: Page) => Promise<T>): Promise<T> {
    const profile = await this.#launched.browser.createBrowserContext();
    try {
      const page = await profile.newPage();
      await page.goto(`${this.server.origin}${path}`);
      return await work(page);
    } finally {
      await profile.close();
    }
  }

  async close(): Promise<void> {
    await this.#launched.close();
    await this.server.close();
  }
}
