import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobView, TokenView } from '../protocol/index.ts';
import { startTestServer, type TestServer } from '../server/testing.ts';
import { patternJob, SimulatedNode } from '../server/testing-node.ts';
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
    // What is code stands as code.
    expect(await page.locator('main').innerText()).not.toContain('`');
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
    // Not all that there is for whoever only looks.
    expect(JSON.parse(await create.getByLabel('Body').inputValue())).toEqual({ name: '', scope: 'read' });
    await create.getByLabel('Body').fill('{"name": "tried", "scope": "read"}');
    await create.getByRole('button', { name: 'Send POST' }).click();
    await create.getByRole('region', { name: 'Answer' }).getByText('er_read_').waitFor();
    const { body } = await server.ask<{ tokens: { name: string }[] }>('GET', '/v1/tokens');
    expect(body.tokens.map(({ name }) => name)).toContain('tried');
    await expectAccessible(page);
    expect(faults).toEqual([]);
  });

  it('asks before it deletes, and sends nothing where nobody is sure', async () => {
    const { body } = await server.ask<{ id: string }>('POST', '/v1/tokens', {
      body: { name: 'spare', scope: 'read' },
    });
    const isRevoked = async () =>
      (await server.ask<{ tokens: TokenView[] }>('GET', '/v1/tokens')).body.tokens.find(
        ({ id }) => id === body.id,
      )!.revokedAt !== null;
    const revoke = page.locator('#revokeToken');
    await revoke.getByText('Try it').click();
    await revoke.getByLabel('token').fill(body.id);
    const asked: string[] = [];
    page.once('dialog', (dialog) => {
      asked.push(dialog.message());
      void dialog.dismiss();
    });
    await revoke.getByRole('button', { name: 'Send DELETE' }).click();
    expect(asked).toEqual([`Send DELETE /v1/tokens/${body.id}? It is really done.`]);
    expect(await isRevoked()).toBe(false);
    page.once('dialog', (dialog) => dialog.accept());
    await revoke.getByRole('button', { name: 'Send DELETE' }).click();
    await revoke.getByRole('region', { name: 'Answer' }).getByText('200 OK').waitFor();
    expect(await isRevoked()).toBe(true);
  });

  it('says how much of no text came, and saves it', async () => {
    const node = await SimulatedNode.enrol(server, await server.token('enrol'));
    await node.connect();
    const { body: job } = await server.ask<JobView>('POST', '/v1/jobs', { body: { spec: patternJob() } });
    const offer = await node.next('offer');
    await node.hold(offer);
    const bytes = Buffer.from([0, 1, 2, 250, 251, 252]);
    node.finish(offer, [await node.upload(offer, 'events-0', 'events.ndjson', bytes)]);
    await node.next('ack');
    await node.leave();
    const result = page.locator('#readResult');
    await result.getByText('Try it').click();
    const place = { job: job.id, task: '0', output: 'events-0', name: 'events.ndjson' };
    for (const [name, value] of Object.entries(place))
      await result.getByLabel(name, { exact: true }).fill(value);
    await result.getByRole('button', { name: 'Send GET' }).click();
    const answer = result.getByRole('region', { name: 'Answer' });
    await answer.getByText('6 B of application/octet-stream').waitFor();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      answer.getByRole('link', { name: 'Save events.ndjson' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('events.ndjson');
    expect(readFileSync(await download.path())).toEqual(bytes);
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
