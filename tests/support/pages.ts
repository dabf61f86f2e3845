import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright';
import { expect } from 'vitest';
import { findBrowser } from '../../headless-runner/browser/find.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Chromium as a person has it, but for its window. */
export const openBrowser = (args: string[] = []): Promise<Browser> =>
  chromium.launch({
    executablePath: findBrowser(null),
    args: [...args, ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
  });

/** A page whose faults are kept: what its console says of errors, and what nobody caught. */
export async function openPage(context: BrowserContext): Promise<{ page: Page; faults: string[] }> {
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(`${error}`));
  page.on('console', (message) => {
    // That a request was refused is often what a test is about, and the browser's own words.
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text()))
      faults.push(message.text());
  });
  return { page, faults };
}

/** A picture for whoever wants to look, into the folder of EDGE_RUNNER_SHOTS. */
export async function shoot(page: Page, name: string): Promise<void> {
  const folder = process.env.EDGE_RUNNER_SHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

interface AxeViolation {
  id: string;
  impact: string;
  nodes: { html: string; failureSummary: string }[];
}

/** Holds a page to what a screen reader, a keyboard and weak eyes need (axe-core; nothing serious). */
export async function expectAccessible(page: Page): Promise<void> {
  await page.evaluate(AXE);
  const violations = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run(): Promise<{ violations: AxeViolation[] }> } };
    return (await axe.run()).violations;
  });
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  expect(
    serious.map(({ id, nodes }) => `${id}: ${nodes[0]!.html} ${nodes[0]!.failureSummary}`),
    page.url(),
  ).toEqual([]);
}

/** Holds a page to its width: nothing but what scrolls by itself may be wider than the window. */
export async function expectFits(page: Page): Promise<void> {
  const beyond = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    return [...document.body.querySelectorAll('*')]
      .filter((element) => element.getBoundingClientRect().right > clientWidth)
      .map(({ tagName, className }) => `${tagName.toLowerCase()}.${className}`);
  });
  expect(beyond, page.url()).toEqual([]);
}

/** What the keyboard reaches on a page that was just loaded, in its order: what each is called. */
export async function tabStops(page: Page, most = 200): Promise<string[]> {
  const stops: string[] = [];
  for (let i = 0; i < most; i++) {
    await page.keyboard.press('Tab');
    const stop = await page.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return null;
      const name = element.getAttribute('aria-label') ?? element.textContent?.trim() ?? '';
      return `${element.tagName.toLowerCase()} ${name || element.id || element.getAttribute('name') || ''}`.trim();
    });
    if (stop === null) break;
    stops.push(stop);
  }
  return stops;
}
