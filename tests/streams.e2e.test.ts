import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright';
import { describe, expect, it } from 'vitest';
import type { StreamView } from '../protocol/index.ts';
import { QUICK, UNHURRIED } from '../server/testing.ts';
import { Swallower } from '../server/testing-links.ts';
import { openHaltable } from './support/haltable-browser.ts';
import { loadLibrary } from './support/live-library.ts';
import { expectAccessible, expectFits, openPage, shoot } from './support/pages.ts';
import {
  expectFrames,
  type InPage,
  openPeers,
  StreamPages,
  troubles,
  viewers,
} from './support/stream-pages.ts';
import { readCounters } from './support/y4m.ts';

const all = StreamPages.use();

describe('the example pages', () => {
  it('publish and watch, count who watches, and say what is wrong', async () => {
    await all.start();
    const context = await all.browser.newContext();
    all.contexts.push(context);
    const { page: publisher, faults: one } = await openPage(context);
    const { page: viewer, faults: other } = await openPage(context);
    all.faults.push(one, other);
    await publisher.goto(`${all.server.url}/examples/publish/`);
    const alert = (page: Page) => page.getByRole('alert');
    await publisher.getByLabel('Token').fill('er_publish_unknown');
    await publisher.getByRole('button', { name: 'Publish' }).click();
    await expect.poll(() => alert(publisher).innerText()).toMatch(/token/i);
    await publisher.getByLabel('Token').fill(all.tokens.publish);
    await publisher.getByRole('button', { name: 'Publish' }).click();
    const status = publisher.getByRole('status');
    await status.getByText('viewers: 0').waitFor();
    expect(await alert(publisher).innerText()).toBe('');
    const address = /http\S+/.exec(await status.innerText())![0];
    await viewer.goto(`${all.server.url}/examples/watch/`);
    const tries = [
      [address, 'er_view_unknown', /token/i],
      [address.replace(/s_[a-z0-9]+/, 's_nowhere'), all.tokens.view, /There is no stream s_nowhere here/],
    ] as const;
    for (const [url, token, sentence] of tries) {
      await viewer.getByLabel('WHEP address').fill(url);
      await viewer.getByLabel('Token').fill(token);
      await viewer.getByRole('button', { name: 'Watch' }).click();
      await expect.poll(() => alert(viewer).innerText()).toMatch(sentence);
    }
    await viewer.getByLabel('WHEP address').fill(address);
    await viewer.getByRole('button', { name: 'Watch' }).click();
    await status.getByText('viewers: 1').waitFor();
    const numbers = await viewer.evaluate(readCounters, { selector: 'video', frames: 30 });
    expect(numbers.at(-1)! - numbers[0]!).toBeGreaterThan(20);
    for (const page of [publisher, viewer]) {
      await expectAccessible(page);
      await expectFits(page);
    }
    await shoot(publisher, 'example-publish');
    await shoot(viewer, 'example-watch');
    await viewer.getByRole('button', { name: 'Stop' }).click();
    await status.getByText('viewers: 0').waitFor();
    await publisher.getByRole('button', { name: 'Stop' }).click();
    await status.getByText('Nothing is published.').waitFor();
    expect(await all.shown()).toMatchObject([{ name: 'example', viewers: 0 }]);
  });
});

describe('a page that publishes', () => {
  it('sends the picture whole from its first frames on, and says how that goes', async () => {
    await all.start();
    const [publisher, viewer] = [await all.open(), await all.open()];
    await all.watch(viewer, await all.publish(publisher));
    await expectFrames(viewer, 'watched', 30);
    const size = await viewer.evaluate(() => {
      const { videoWidth, videoHeight } = document.querySelector('video')!;
      return [videoWidth, videoHeight];
    });
    expect(size).toEqual([1280, 720]);
    const look = () =>
      publisher.evaluate(async () => {
        const { viewers, ...stats } = await (window as unknown as InPage).kept.publication.stats();
        return { ...stats, each: [...viewers.values()] };
      });
    await look();
    await sleep(2_000);
    const stats = await look();
    expect(stats).toMatchObject({ width: 1280, height: 720, codec: expect.stringMatching(/^video\//) });
    expect(stats.each).toHaveLength(1);
    expect(stats.fps).toBeGreaterThan(10);
    expect(stats.fps).toBeLessThan(40);
    expect(stats.bitrate).toBeGreaterThan(50_000);
    expect(stats.bitrate).toBeLessThan(3_500_000);
    expect(stats.encodeMs).toBeGreaterThan(0);
  });

  it('takes no more than it may; whoever leaves, or vanishes, frees a place', async () => {
    await all.start();
    const [publisher, first, second] = [await all.open(), await all.open(), await all.open()];
    const address = await all.publish(publisher, { maxViewers: 1 });
    await all.watch(first, address);
    await expect(all.watch(second, address)).rejects.toThrow('all the viewers that its tab takes (1)');
    await first.evaluate(() => (window as unknown as InPage).kept.source.close());
    await expect.poll(async () => (await all.shown())[0]!.viewers).toBe(0);
    await expect.poll(() => viewers(publisher)).toBe(0);
    await all.watch(second, address);
    await expectFrames(second);
    // Without a word: nobody ends its session but the page that sends.
    await second.context().close();
    await expect.poll(async () => (await all.shown())[0]!.viewers, { timeout: 60_000 }).toBe(0);
    await all.watch(first, address);
    await expectFrames(first);
  });

  it('goes on while the server is started anew, and is there for others after it', async () => {
    await all.start();
    const [publisher, viewer, late] = [await all.open(), await all.open(), await all.open()];
    const address = await all.publish(publisher);
    await all.watch(viewer, address);
    await expectFrames(viewer);
    await all.server.running.close();
    await expect.poll(() => troubles(publisher)).toHaveLength(1);
    await expectFrames(viewer, 'watched', 60);
    await all.start(UNHURRIED, all.server);
    await expect.poll(() => troubles(publisher)).toEqual([expect.stringContaining('is interrupted'), null]);
    expect(await all.shown()).toMatchObject([{ viewers: 1, state: 'live' }]);
    expect(await viewers(publisher)).toBe(1);
    expect(await troubles(viewer)).toEqual([]);
    await all.watch(late, address);
    await expectFrames(late);
    await expectFrames(viewer);
    expect(await viewers(publisher)).toBe(2);
  });

  it('goes on when the network to whoever watches was gone for ten seconds', async () => {
    await all.start();
    const other = await openHaltable();
    try {
      const [publisher, viewer] = [await all.open(other.browser), await all.open()];
      await all.watch(viewer, await all.publish(publisher));
      await expectFrames(viewer);
      other.halt();
      const gone = sleep(10_000);
      await expect.poll(() => troubles(viewer)).toEqual([expect.stringContaining('is interrupted')]);
      await gone;
      other.goOn();
      await expect.poll(async () => (await troubles(viewer)).at(-1)).toBe(null);
      await expectFrames(viewer);
      expect(await viewers(publisher)).toBe(1);
    } finally {
      for (const context of all.contexts.splice(0)) await context.close();
      await other.close();
    }
  });

  it('comes back after its stream was taken as gone, and so do those who watched', async () => {
    await all.start(QUICK);
    const link = new Swallower(all.server.url);
    const near = await link.start();
    try {
      const [publisher, viewer] = [await all.open(), await all.open()];
      const path = new URL(await all.publish(publisher, { server: near })).pathname;
      await all.watch(viewer, new URL(path, all.server.url).href);
      await expectFrames(viewer);
      link.swallowing = true;
      await expect.poll(async () => (await all.shown())[0]).toMatchObject({ state: 'idle', viewers: 0 });
      // What is sent already goes on: the server has no part in it.
      await expectFrames(viewer);
      link.swallowing = false;
      await expect.poll(async () => (await all.shown())[0]).toMatchObject({ state: 'live', viewers: 1 });
      await expect.poll(async () => (await troubles(viewer)).at(-1)).toBe(null);
      await expectFrames(viewer);
    } finally {
      await link.stop();
    }
  });

  it('has its stream back at once when it is loaded anew, which no other tab gets', async () => {
    await all.start();
    const [publisher, viewer, stranger] = [await all.open(), await all.open(), await all.open()];
    const address = await all.publish(publisher);
    await all.watch(viewer, address);
    await expect(all.publish(stranger)).rejects.toThrow('Another tab publishes "studio".');
    await loadLibrary(publisher, publisher.url());
    expect(await all.publish(publisher)).toBe(address);
    // Who watched the page before watches this one.
    await expect.poll(() => viewers(publisher), { timeout: 60_000 }).toBe(1);
    await expect.poll(async () => (await all.shown())[0]!.viewers).toBe(1);
    await expectFrames(viewer);
  });

  it('shows the banner that somebody sets, and sets one', async () => {
    await all.start();
    const publisher = await all.open();
    await all.publish(publisher);
    const [{ id }] = (await all.shown()) as [StreamView];
    const layer = (title: string) => ({ layers: [{ id: 'name', kind: 'lower-third', title }] });
    const put = { token: all.tokens.publish, body: layer('Ada') };
    expect((await all.server.ask('PUT', `/v1/streams/${id}/banner`, put)).status).toBe(200);
    const banners = () => publisher.evaluate(() => (window as unknown as InPage).kept.banners);
    await expect.poll(banners).toMatchObject([layer('Ada')]);
    await publisher.evaluate(() =>
      (window as unknown as InPage).kept.publication.setBanner({
        layers: [{ id: 'name', kind: 'lower-third', title: 'Grace' }],
      }),
    );
    await expect.poll(banners).toMatchObject([layer('Ada'), layer('Grace')]);
    const kept = await all.server.ask('GET', `/v1/streams/${id}/banner`, { token: all.tokens.view });
    expect(kept.body).toMatchObject({ revision: 2, state: layer('Grace') });
    const wrong = publisher.evaluate(() =>
      (window as unknown as InPage).kept.publication.setBanner({
        layers: [{ id: '?', kind: 'clock' }],
      }),
    );
    await expect(wrong).rejects.toThrow('This is no banner');
  });

  it('changes its banner often: no older one comes back, and not each goes out', async () => {
    await all.start();
    const publisher = await all.open();
    await all.publish(publisher);
    const older = await publisher.evaluate(async () => {
      const { banners, publication } = (window as unknown as InPage).kept;
      let last = '';
      const old: string[] = [];
      banners.push = ({ layers: [layer] }) => {
        if (layer?.kind === 'lower-third' && layer.title !== last) old.push(`${layer.title}, not ${last}`);
        return 0;
      };
      for (let count = 1; count <= 100; count++) {
        last = `${count}`;
        publication.setBanner({ layers: [{ id: 'name', kind: 'lower-third', title: last }] });
        // As somebody who drags a slider.
        if (count % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 3));
      }
      return old;
    });
    const kept = () => publisher.evaluate(() => (window as unknown as InPage).kept.publication.banner);
    await expect.poll(kept).toMatchObject({ state: { layers: [{ title: '100' }] } });
    expect(older).toEqual([]);
    expect((await kept())!.revision).toBeLessThan(50);
    const [{ id }] = (await all.shown()) as [StreamView];
    const { body } = await all.server.ask('GET', `/v1/streams/${id}/banner`, { token: all.tokens.view });
    expect(body).toEqual(await kept());
    // The last one goes out before the end, however many there are.
    await publisher.evaluate(async () => {
      const { publication } = (window as unknown as InPage).kept;
      for (const title of ['one', 'other', 'last'])
        publication.setBanner({ layers: [{ id: 'name', kind: 'lower-third', title }] });
      await publication.close();
    });
    const { body: after } = await all.server.ask('GET', `/v1/streams/${id}/banner`, {
      token: all.tokens.view,
    });
    expect(after).toMatchObject({ state: { layers: [{ title: 'last' }] } });
  });

  it('sends another stream to those who watch already', async () => {
    await all.start();
    const [publisher, viewer] = [await all.open(), await all.open()];
    await all.watch(viewer, await all.publish(publisher));
    await expectFrames(viewer);
    await publisher.evaluate(() => {
      const { kept, picture } = window as unknown as InPage;
      kept.publication.setStream(picture(30_000));
    });
    await expect
      .poll(async () => (await viewer.evaluate(readCounters, { selector: 'video', frames: 1 }))[0])
      .toBeGreaterThan(29_999);
    await expectFrames(viewer);
  });

  it('says why it is over: deleted, or its token revoked', async () => {
    await all.start();
    const [one, other] = [await all.open(), await all.open()];
    await all.publish(one, { name: 'one' });
    const { token, id } = (
      await all.server.ask<{ token: string; id: string }>('POST', '/v1/tokens', {
        body: { name: 'brief', scope: 'publish' },
      })
    ).body;
    await all.publish(other, { name: 'other', token });
    const stream = (await all.shown()).find(({ name }) => name === 'one')!;
    await all.server.ask('DELETE', `/v1/streams/${stream.id}`);
    await all.server.ask('DELETE', `/v1/tokens/${id}`);
    const ended = (page: Page) => page.evaluate(() => (window as unknown as InPage).kept.ended);
    await expect.poll(() => ended(one)).toBe('This stream was deleted.');
    await expect.poll(() => ended(other)).toMatch(/token .* is good no more/);
    await expect.poll(() => one.workers()).toEqual([]);
  });

  it('is over, too, when it was deleted while the server was out of reach', async () => {
    await all.start(QUICK);
    const link = new Swallower(all.server.url);
    const near = await link.start();
    try {
      const publisher = await all.open();
      await all.publish(publisher, { server: near });
      const [{ id }] = (await all.shown()) as [StreamView];
      link.swallowing = true;
      await expect.poll(async () => (await all.shown())[0]).toMatchObject({ state: 'idle' });
      await all.server.ask('DELETE', `/v1/streams/${id}`);
      link.swallowing = false;
      const ended = () => publisher.evaluate(() => (window as unknown as InPage).kept.ended);
      await expect.poll(ended).toBe('This stream was deleted.');
      expect(await all.shown()).toEqual([]);
    } finally {
      await link.stop();
    }
  });

  it('leaves nothing behind when it closes', async () => {
    await all.start();
    const [publisher, viewer] = [await all.open(), await all.open()];
    await all.watch(viewer, await all.publish(publisher));
    await expectFrames(viewer);
    await publisher.evaluate(() => (window as unknown as InPage).kept.publication.close());
    expect(await all.shown()).toMatchObject([{ viewers: 0 }]);
    expect(await viewers(publisher)).toBe(0);
    await expect.poll(() => publisher.workers()).toEqual([]);
    // At once, not when the network gives up on it.
    await expect.poll(() => troubles(viewer), { timeout: 5_000 }).not.toEqual([]);
    await viewer.evaluate(() => (window as unknown as InPage).kept.source.close());
    for (const page of [publisher, viewer])
      expect(await page.evaluate(openPeers), 'connections that are left').toBe(0);
    // The same tab may go on with it.
    await all.publish(publisher);
    await expect.poll(async () => (await all.shown())[0]).toMatchObject({ state: 'live', viewers: 0 });
  });

  it('says what is wrong with what it was given', async () => {
    await all.start();
    const page = await all.open();
    const tries = [
      [{ name: 'My Show' }, /"My Show" is no name of a stream/],
      [{ token: 'er_publish_unknown' }, /token/i],
      [{ token: all.tokens.view }, /publish/],
      [{ server: 'http://127.0.0.1:1' }, /127\.0\.0\.1:1 does not answer, or is no edge-runner server/],
      [{ server: all.pages.url }, /does not answer, or is no edge-runner server/],
      [{ server: 'nowhere:' }, /is no address/],
    ] as const;
    for (const [asked, sentence] of tries) await expect(all.publish(page, asked)).rejects.toThrow(sentence);
    expect(await all.shown()).toEqual([]);
    await expect.poll(() => page.workers()).toEqual([]);
    // A socket that could not be opened is told in the console as well.
    for (const words of all.faults) words.splice(0, words.length);
  });
});
