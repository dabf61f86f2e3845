import type { Browser, BrowserContext, Page } from 'playwright';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { type StaticPages, serveStatically } from '../../bench/live/static-pages.ts';
import { openBrowser, openPage } from './pages.ts';
import { Workspace } from './workspace.ts';
import { cameraArgs, writeY4m } from './y4m.ts';

/** What the camera shows, over and over: a pattern that carries its frame's number. */
export const FILM = { width: 640, height: 480, fps: 30, frames: 60 };

/** The overlay page without a server, in a browser with such a camera; files of the workspace are served beside it. */
export class OverlayPages {
  readonly workspace = Workspace.use();
  readonly contexts: BrowserContext[] = [];
  pages!: StaticPages;
  browser!: Browser;

  /** To be called once in a file of tests. */
  static use(): OverlayPages {
    const all = new OverlayPages();
    beforeAll(async () => {
      const film = all.workspace.at('camera.y4m');
      await writeY4m(film, FILM);
      all.pages = await serveStatically({ '/files/': all.workspace.path });
      all.browser = await openBrowser(cameraArgs(film));
    });
    afterEach(async () => {
      for (const context of all.contexts.splice(0)) await context.close();
    });
    afterAll(async () => {
      await all.browser?.close();
      await all.pages?.close();
    });
    return all;
  }

  /** @param prepare called before the page is loaded. */
  async open(prepare?: (page: Page) => Promise<unknown>): Promise<{ page: Page; faults: string[] }> {
    const context = await this.browser.newContext({
      viewport: { width: 1280, height: 900 },
      acceptDownloads: true,
    });
    this.contexts.push(context);
    const { page, faults } = await openPage(context);
    await prepare?.(page);
    await page.goto(`${this.pages.url}/overlay/`);
    return { page, faults };
  }

  file(name: string): string {
    return `${this.pages.url}/files/${name}`;
  }

  /** Saves what a link offers. @returns its path. */
  async download(page: Page, name: RegExp): Promise<string> {
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name }).first().click(),
    ]);
    const path = this.workspace.at(file.suggestedFilename());
    await file.saveAs(path);
    return path;
  }
}

export const choose = (page: Page, which: string, value: string) =>
  page.getByRole('combobox', { name: new RegExp(`^${which}`) }).selectOption(value);
export const show = (page: Page, mode: string) =>
  page.getByRole('radio', { name: mode }).check({ force: true });
export const start = (page: Page) => page.getByRole('button', { name: /^(Start|Take this source)$/ }).click();
/** Inference has looked at frames. */
export const looks = (page: Page) => page.getByRole('rowheader', { name: 'infer', exact: true }).waitFor();
/** What the page says is wrong. */
export const alert = (page: Page) => page.getByRole('alert').first().innerText();
export const alerts = (page: Page) => page.getByRole('alert').count();
export const measures = (page: Page) => page.locator('.measures').innerText();

/** Of a pattern that is played over and over: how far each number is behind the one before it. */
export const steps = (numbers: readonly number[]) =>
  numbers.slice(1).map((number, i) => (number - numbers[i]! + FILM.frames) % FILM.frames);
