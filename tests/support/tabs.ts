import type { Browser, BrowserContext } from 'playwright';
import type { TestServer } from '../../server/testing.ts';
import { openPage } from './pages.ts';

/** What is done to a tab before it is opened: to the first, the second, … */
export type Prepare = (context: BrowserContext, index: number) => Promise<void>;

/** So many tabs that contribute, each in a profile of its own, ready for work. The caller closes them. */
export async function openTabs(
  browser: Browser,
  server: TestServer,
  count: number,
  prepare?: Prepare,
): Promise<BrowserContext[]> {
  const contexts: BrowserContext[] = [];
  for (let i = 0; i < count; i++) {
    const context = await browser.newContext();
    contexts.push(context);
    await prepare?.(context, i);
    const { page } = await openPage(context);
    await page.goto(`${server.url}/contribute/#token=${await server.token('enrol')}`);
    await page.getByRole('button', { name: 'Start' }).click();
    await page.getByText('Ready for work.').waitFor({ timeout: 60_000 });
  }
  return contexts;
}

/** Work while so many tabs contribute. */
export async function withTabs<T>(
  browser: Browser,
  server: TestServer,
  count: number,
  work: () => Promise<T>,
  prepare?: Prepare,
): Promise<T> {
  const contexts = await openTabs(browser, server, count, prepare);
  try {
    return await work();
  } finally {
    await Promise.all(contexts.map((context) => context.close()));
  }
}
