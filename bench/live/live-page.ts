import puppeteer, { type Page } from 'puppeteer-core';
import { fetchedBrowser } from '../../headless-runner/browser/fetch.ts';
import { findBrowser } from '../../headless-runner/browser/find.ts';
import { installStampCamera, readStamps, type StampReading } from './stamps.ts';
import { serveStatically } from './static-pages.ts';

/** The live pages, and the picture that each is measured with. */
export const LIVE_PAGES = {
  overlay: { width: 640, height: 480, fps: 30 },
  banner: { width: 1280, height: 720, fps: 30 },
} as const;
export type LivePageName = keyof typeof LIVE_PAGES;

/** A live page that runs on a camera whose pictures carry the time. */
export interface RunningPage {
  page: Page;
  /** Of the browser. */
  pid: number;
  /** What nobody caught, and what the console calls errors. */
  faults: string[];
  read(seconds: number): Promise<StampReading>;
  /** What the page itself says under a name. */
  figure(name: string): Promise<number>;
}

/** Opens a live page for as long as the work takes, on the cpu backend: as a machine without a GPU has it. */
export async function withLivePage<T>(
  name: LivePageName,
  work: (running: RunningPage) => Promise<T>,
): Promise<T> {
  const pages = await serveStatically();
  const browser = await puppeteer.launch({
    executablePath: findBrowser(await fetchedBrowser()),
    args: ['--disable-gpu', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
  });
  try {
    const page = await browser.newPage();
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(`${error}`));
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(message.text());
    });
    await page.setViewport({ width: 1280, height: 900 });
    await page.evaluateOnNewDocument(installStampCamera, LIVE_PAGES[name]);
    await page.goto(`${pages.url}/${name}/`);
    await page.locator('aside select').fill('camera');
    await page.locator('::-p-aria(Start)').click();
    await page.waitForFunction(
      (what) => document.body.innerText.includes(what),
      { timeout: 60_000 },
      name === 'overlay' ? 'infer' : '1280×720',
    );
    return await work({
      ...{ page, faults },
      pid: browser.process()!.pid!,
      read: (seconds) => page.evaluate(readStamps, { selector: 'video', seconds }),
      figure: (what) => page.evaluate(figureOf, what),
    });
  } finally {
    await browser.close();
    await pages.close();
  }
}

function figureOf(name: string): number {
  const term = [...document.querySelectorAll('dt')].find((one) => one.textContent === name);
  return Number.parseFloat(term?.nextElementSibling?.textContent ?? '');
}
