import type { Page } from 'puppeteer-core';
import { fetchedBrowser } from '../../headless-runner/browser/fetch.ts';
import { findBrowser } from '../../headless-runner/browser/find.ts';
import { type LaunchedBrowser, launchBrowser } from '../../headless-runner/browser/launch.ts';
import { LoopbackServer } from '../../headless-runner/host/loopback-server.ts';
import { FileSource } from '../../headless-runner/host/served-source.ts';
import type { ResolvedModel } from '../../models/store/index.ts';
import type { BackendChoice, CapabilityReport } from '../../protocol/index.ts';
import type { RungRequest, RungResult } from '../../web/pages/bench/rungs/request.ts';
import { ProcessTree } from './process-tree.ts';

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

/** A browser with the bench page, in which single pieces of work are measured one after another. */
export class Ladder {
  readonly page: Page;
  readonly server: LoopbackServer;
  readonly #launched: LaunchedBrowser;

  private constructor(server: LoopbackServer, launched: LaunchedBrowser, page: Page) {
    this.server = server;
    this.#launched = launched;
    this.page = page;
  }

  static async open({ clip, models, backend }: LadderOptions): Promise<Ladder> {
    const served = {
      sources: new Map([['in', new FileSource(clip)]]),
      pictures: new Map(),
      models: new Map(models.map((model) => [model.descriptor.name, model])),
    };
    const server = await LoopbackServer.start(served, (socket) => socket.terminate());
    let launched: LaunchedBrowser | null = null;
    try {
      const executablePath = findBrowser(await fetchedBrowser());
      launched = await launchBrowser({ executablePath, backend, headed: false });
      const page = (await launched.browser.pages())[0]!;
      await page.goto(`${server.origin}/bench/index.html`);
      return new Ladder(server, launched, page);
    } catch (error) {
      await launched?.close();
      await server.close();
      throw error;
    }
  }

  async measure(request: Omit<RungRequest, 'origin' | 'token'>): Promise<RungFigures> {
    const asked = { ...request, token: this.server.token };
    const { result, cpuSeconds } = await this.watch(() =>
      this.page.evaluate((rung) => window.edgeRunnerBench(rung), asked),
    );
    return {
      fps: result.frames / result.seconds,
      cpuPerFrame: cpuSeconds / result.frames,
      gpuMs: result.gpuMs ?? null,
    };
  }

  /** Work in the page, beside the processor time that the browser takes for it between its own two moments. */
  async watch<T extends Pick<RungResult, 'began' | 'ended'>>(
    work: () => Promise<T>,
  ): Promise<{ result: T; cpuSeconds: number }> {
    const tree = new ProcessTree(this.#launched.browser.process()!.pid!);
    try {
      const result = await work();
      return { result, cpuSeconds: tree.cpuBetween(result.began, result.ended) };
    } finally {
      tree.stop();
    }
  }

  /** What this browser is and can do. */
  async probe(): Promise<{ version: string; capabilities: CapabilityReport }> {
    const page = await this.open('/runner/index.html');
    const capabilities = await page.evaluate(() => window.edgeRunner.probe());
    await page.close();
    return { version: await this.#launched.browser.version(), capabilities };
  }

  /** Another page of the same server, in the same browser; the caller closes it. */
  async open(path: string): Promise<Page> {
    const page = await this.#launched.browser.newPage();
    await page.goto(`${this.server.origin}${path}`);
    return page;
  }

  async close(): Promise<void> {
    await this.#launched.close();
    await this.server.close();
  }
}
