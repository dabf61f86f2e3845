import type { Browser, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../server/testing.ts';
import { expectAccessible, expectFits, openBrowser, openPage, shoot } from './support/pages.ts';

describe('the page of the API', () => {
  let server: TestServer;
  let browser: Browser;
  let page: Page;
  let faults: string[];

  beforeAll(async () => {
    server = await startTestServer();
    browser = await openBrowser();
    ({ page, faults } = await openPage(await browser.newContext({ viewport: { width: 1280, height: 900 } })));
    await page.goto(`${server.url}/api/`);
    await page.getByRole('heading', { name: /edge-runner API/ }).waitFor();
  });
  afterAll(async () => {
    await browser.close();
    await server.stop();
  });

  it('shows every operation of the document, with what it takes and answers', async () => {
    const { body } = await server.ask<{ paths: Record<string, Record<string, { operationId: string }>> }>(
      'GET',
      '/openapi.json',
    );
    const all = Object.values(body.paths).flatMap((methods) =>
      Object.values(methods).map((one) => one.operationId),
    );
    const shown = await page.locator('article').evaluateAll((articles) => articles.map(({ id }) => id));
    expect(shown.sort()).toEqual(all.sort());
    await page.locator('#createToken').getByText('What it takes').click();
    await page
      .locator('#createToken')
      .getByRole('region', { name: 'What it takes' })
      .getByText('"scope"')
      .waitFor();
    await expectAccessible(page);
    await shoot(page, 'api');
  });

  it('tries one: refused without a token, answered with one, with parameters and a body', async () => {
    const list = page.locator('#listJobs');
    await list.getByText('Try it').click();
    await list.getByRole('button', { name: 'Send GET' }).click();
    await list.getByRole('region', { name: 'Answer' }).getByText('token-missing').waitFor();
    await page.getByLabel(/^Token/).fill(server.admin);
    await list.getByLabel('limit').fill('5');
    await list.getByLabel('state').selectOption('done');
    await list.getByRole('button', { name: 'Send GET' }).click();
    await list.getByRole('region', { name: 'Answer' }).getByText('"jobs": []').waitFor();
    const create = page.locator('#createToken');
    await create.getByText('Try it').click();
    await create.getByLabel('Body').fill('{"name": "tried", "scope": "read"}');
    await create.getByRole('button', { name: 'Send POST' }).click();
    await create.getByRole('region', { name: 'Answer' }).getByText('er_read_').waitFor();
    const { body } = await server.ask<{ tokens: { name: string }[] }>('GET', '/v1/tokens');
    expect(body.tokens.map(({ name }) => name)).toContain('tried');
    await expectAccessible(page);
    expect(faults).toEqual([]);
  });

  it('shows the beginning of a stream of events', async () => {
    const watch = page.locator('#watchFarm');
    await watch.getByText('Try it').click();
    await watch.getByRole('button', { name: 'Send GET' }).click();
    await watch.getByRole('region', { name: 'Answer' }).getByText('event: farm').waitFor({ timeout: 30_000 });
  });

  it('is whole on a phone, in the dark', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.emulateMedia({ colorScheme: 'dark' });
    await expectFits(page);
    await expectAccessible(page);
  });
});
