import { join } from 'node:path';
import { pino } from 'pino';
import puppeteer, { type Browser } from 'puppeteer-core';
import { fetchedBrowser } from '../../headless-runner/browser/fetch.ts';
import { findBrowser } from '../../headless-runner/browser/find.ts';
import { startServer } from '../../server/main.ts';
import { SERVER_DEFAULTS } from '../../server/options.ts';
import type { TestServer } from '../../server/testing.ts';
import { askOf } from '../../server/testing-node.ts';

/** A server whose pages are looked at. */
export type PageServer = Pick<TestServer, 'url' | 'ask' | 'token'> & { loginCode: string };

/** A server and a browser for as long as the work takes. @param folder where it keeps what it keeps. */
export async function withPages<T>(
  folder: string,
  name: string,
  work: (server: PageServer, browser: Browser) => Promise<T>,
): Promise<T> {
  const running = await startServer(
    {
      ...SERVER_DEFAULTS,
      ...{ port: 0, data: join(folder, name), modelCache: join(folder, 'models') },
      limits: { requests: 1e9, refusals: 1e9 },
    },
    pino({ level: 'silent' }),
  );
  const ask = askOf(running.url, running.adminToken!);
  const browser = await puppeteer.launch({
    executablePath: findBrowser(await fetchedBrowser()),
    args: ['--disable-gpu', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
  });
  try {
    const token = async (scope: string) =>
      (await ask<{ token: string }>('POST', '/v1/tokens', { body: { name: scope, scope } })).body.token;
    return await work({ url: running.url, ask, token, loginCode: running.loginCode }, browser);
  } finally {
    await browser.close();
    await running.close();
  }
}

/** Becomes a node, as somebody does who opens the link of a server. */
export async function contribute(server: PageServer, browser: Browser) {
  const page = await browser.newPage();
  await page.goto(`${server.url}/contribute/#token=${await server.token('enrol')}`);
  await page.locator('::-p-aria(Start)').click();
  await page.waitForFunction(() => document.body.innerText.includes('Ready for work'), { timeout: 120_000 });
  return page;
}
