import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, BrowserContext, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type StaticPages, serveStatically } from '../bench/live/static-pages.ts';
import type { BannerState, StreamView } from '../protocol/index.ts';
import { QUICK, startTestServer, type TestServer, UNHURRIED } from '../server/testing.ts';
import { Swallower } from '../server/testing-links.ts';
import type { Call, OpenSource, Publication, Reception, Sending } from '../web/live/index.ts';
import { buildLibrary, type LiveWindow, loadLibrary, openLivePage } from './support/live-library.ts';
import { expectAccessible, expectFits, openBrowser, openPage, shoot } from './support/pages.ts';
import { Workspace } from './support/workspace.ts';
import { readCounters } from './support/y4m.ts';

/** What a page keeps from one evaluation to the next. */
interface Kept {
  publication: Publication;
  reception: Reception;
  source: OpenSource;
  sending: Sending;
  call: Call;
  banners: BannerState[];
  troubles: (string | null)[];
  streams: (MediaStream | null)[];
  callers: MediaStream[];
  ended: string;
}
type InPage = Window & typeof globalThis & Omit<LiveWindow, 'kept'> & { kept: Kept };

const workspace = Workspace.use();
let pages: StaticPages;
let browser: Browser;
let server: TestServer;
const contexts: BrowserContext[] = [];
const faults: string[][] = [];

beforeAll(async () => {
  await buildLibrary(workspace.at('library'));
  pages = await serveStatically({ '/library/': workspace.at('library') });
  browser = await openBrowser(['--autoplay-policy=no-user-gesture-required']);
});
afterEach(async () => {
  for (const context of contexts.splice(0)) await context.close();
  await server?.stop();
  expect(faults.splice(0).flat()).toEqual([]);
});
afterAll(async () => {
  await browser?.close();
  await pages?.close();
});

const tokens = { publish: '', view: '' };
async function start(intervals = UNHURRIED, before?: TestServer): Promise<void> {
  const port = before ? Number(new URL(before.url).port) : 0;
  server = await startTestServer({ intervals, port }, before);
  if (before) return;
  tokens.publish = await server.token('publish');
  tokens.view = await server.token('view');
}

async function open(): Promise<Page> {
  const { page, context, faults: own } = await openLivePage(browser, pages);
  contexts.push(context);
  faults.push(own);
  return page;
}

interface Asked {
  name?: string;
  maxViewers?: number;
  calls?: boolean;
  server?: string;
  token?: string;
}

/** Publishes a picture from a page. @returns the address. */
const publish = (page: Page, asked: Asked = {}) =>
  page.evaluate(
    async (options) => {
      const { edge, picture, kept } = window as unknown as InPage;
      Object.assign(kept, { banners: [], troubles: [], callers: [] });
      kept.publication = await edge.publishStream(picture(0, true), options, {
        onBanner: (state) => kept.banners.push(state),
        onTrouble: (error) => kept.troubles.push(error?.message ?? null),
        onCaller: (_viewer, stream) => {
          if (stream) kept.callers.push(stream);
        },
        onEnd: (error) => {
          kept.ended = error.message;
        },
      });
      return kept.publication.address;
    },
    { server: server.url, token: tokens.publish, name: 'studio', ...asked },
  );

const watch = (page: Page, url: string, token = tokens.view) =>
  page.evaluate(
    async (options) => {
      const { edge, show, kept } = window as unknown as InPage;
      kept.troubles = [];
      kept.source = await edge.openSource(
        { kind: 'whep', ...options },
        {
          onStream: (stream) => show('watched', stream),
          onTrouble: (error) => kept.troubles.push(error?.message ?? null),
        },
      );
      show('watched', kept.source.stream);
    },
    { url, token },
  );

const send = (page: Page, url: string, from: number) =>
  page.evaluate(
    async ({ url, token, from }) => {
      const { edge, picture, kept } = window as unknown as InPage;
      kept.troubles = [];
      kept.sending = await edge.sendWhip(
        picture(from),
        { url, token },
        { onTrouble: (error) => kept.troubles.push(error?.message ?? null) },
      );
    },
    { url, token: tokens.publish, from },
  );

const receive = (page: Page) =>
  page.evaluate(
    async (options) => {
      const { edge, show, kept } = window as unknown as InPage;
      kept.streams = [];
      kept.reception = await edge.receiveStream(options, {
        onStream: (stream) => {
          kept.streams.push(stream);
          show('received', stream);
        },
      });
      return kept.reception.address;
    },
    { server: server.url, token: tokens.publish, name: 'studio-in' },
  );

const viewers = (page: Page) => page.evaluate(() => (window as unknown as InPage).kept.publication.viewers);
const troubles = (page: Page) => page.evaluate(() => (window as unknown as InPage).kept.troubles);
const shown = async () => (await server.ask<{ streams: StreamView[] }>('GET', '/v1/streams')).body.streams;

/** Frames arrive, and their numbers rise: how far, over so many of them. */
async function expectFrames(page: Page, id = 'watched', frames = 15): Promise<number[]> {
  const numbers = await page.evaluate(readCounters, { selector: `#${id}`, frames });
  expect(numbers.at(-1)! - numbers[0]!, `${numbers}`).toBeGreaterThan(frames / 2);
  expect([...numbers].sort((a, b) => a - b)).toEqual(numbers);
  return numbers;
}

describe('the example pages', () => {
  it('publish and watch, count who watches, and say what is wrong', async () => {
    await start();
    const context = await browser.newContext();
    contexts.push(context);
    const { page: publisher, faults: one } = await openPage(context);
    const { page: viewer, faults: other } = await openPage(context);
    faults.push(one, other);
    await publisher.goto(`${server.url}/examples/publish/`);
    const alert = (page: Page) => page.getByRole('alert');
    await publisher.getByLabel('Token').fill('er_publish_unknown');
    await publisher.getByRole('button', { name: 'Publish' }).click();
    await expect.poll(() => alert(publisher).innerText()).toMatch(/token/i);
    await publisher.getByLabel('Token').fill(tokens.publish);
    await publisher.getByRole('button', { name: 'Publish' }).click();
    const status = publisher.getByRole('status');
    await status.getByText('viewers: 0').waitFor();
    expect(await alert(publisher).innerText()).toBe('');
    const address = /http\S+/.exec(await status.innerText())![0];
    await viewer.goto(`${server.url}/examples/watch/`);
    const tries = [
      [address, 'er_view_unknown', /token/i],
      [address.replace(/s_[a-z0-9]+/, 's_nowhere'), tokens.view, /There is no stream s_nowhere here/],
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
    expect(await shown()).toMatchObject([{ name: 'example', viewers: 0 }]);
  });
});

describe('a page that publishes', () => {
  it('sends the picture whole from its first frames on, and says how that goes', async () => {
    await start();
    const [publisher, viewer] = [await open(), await open()];
    await watch(viewer, await publish(publisher));
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
    await start();
    const [publisher, first, second] = [await open(), await open(), await open()];
    const address = await publish(publisher, { maxViewers: 1 });
    await watch(first, address);
    await expect(watch(second, address)).rejects.toThrow('all the viewers that its tab takes (1)');
    await first.evaluate(() => (window as unknown as InPage).kept.source.close());
    await expect.poll(async () => (await shown())[0]!.viewers).toBe(0);
    await expect.poll(() => viewers(publisher)).toBe(0);
    await watch(second, address);
    await expectFrames(second);
    // Without a word: nobody ends its session but the page that sends.
    await second.context().close();
    await expect.poll(async () => (await shown())[0]!.viewers, { timeout: 60_000 }).toBe(0);
    await watch(first, address);
    await expectFrames(first);
  });

  it('goes on while the server is started anew, and is there for others after it', async () => {
    await start();
    const [publisher, viewer, late] = [await open(), await open(), await open()];
    const address = await publish(publisher);
    await watch(viewer, address);
    await expectFrames(viewer);
    await server.running.close();
    await expect.poll(() => troubles(publisher)).toHaveLength(1);
    await expectFrames(viewer, 'watched', 60);
    await start(UNHURRIED, server);
    await expect.poll(() => troubles(publisher)).toEqual([expect.stringContaining('is interrupted'), null]);
    expect(await shown()).toMatchObject([{ viewers: 1, state: 'live' }]);
    expect(await viewers(publisher)).toBe(1);
    expect(await troubles(viewer)).toEqual([]);
    await watch(late, address);
    await expectFrames(late);
    await expectFrames(viewer);
    expect(await viewers(publisher)).toBe(2);
  });

  it('comes back after its stream was taken as gone, and so do those who watched', async () => {
    await start(QUICK);
    const link = new Swallower(server.url);
    const near = await link.start();
    try {
      const [publisher, viewer] = [await open(), await open()];
      const path = new URL(await publish(publisher, { server: near })).pathname;
      await watch(viewer, new URL(path, server.url).href);
      await expectFrames(viewer);
      link.swallowing = true;
      await expect.poll(async () => (await shown())[0]).toMatchObject({ state: 'idle', viewers: 0 });
      // What is sent already goes on: the server has no part in it.
      await expectFrames(viewer);
      link.swallowing = false;
      await expect.poll(async () => (await shown())[0]).toMatchObject({ state: 'live', viewers: 1 });
      await expect.poll(async () => (await troubles(viewer)).at(-1)).toBe(null);
      await expectFrames(viewer);
    } finally {
      await link.stop();
    }
  });

  it('has its stream back at once when it is loaded anew, which no other tab gets', async () => {
    await start();
    const [publisher, viewer, stranger] = [await open(), await open(), await open()];
    const address = await publish(publisher);
    await watch(viewer, address);
    await expect(publish(stranger)).rejects.toThrow('Another tab publishes "studio".');
    await loadLibrary(publisher, publisher.url());
    expect(await publish(publisher)).toBe(address);
    // Who watched the page before watches this one.
    await expect.poll(() => viewers(publisher), { timeout: 60_000 }).toBe(1);
    await expect.poll(async () => (await shown())[0]!.viewers).toBe(1);
    await expectFrames(viewer);
  });

  it('shows the banner that somebody sets, and sets one', async () => {
    await start();
    const publisher = await open();
    await publish(publisher);
    const [{ id }] = (await shown()) as [StreamView];
    const layer = (title: string) => ({ layers: [{ id: 'name', kind: 'lower-third', title }] });
    const put = { token: tokens.publish, body: layer('Ada') };
    expect((await server.ask('PUT', `/v1/streams/${id}/banner`, put)).status).toBe(200);
    const banners = () => publisher.evaluate(() => (window as unknown as InPage).kept.banners);
    await expect.poll(banners).toMatchObject([layer('Ada')]);
    await publisher.evaluate(() =>
      (window as unknown as InPage).kept.publication.setBanner({
        layers: [{ id: 'name', kind: 'lower-third', title: 'Grace' }],
      }),
    );
    await expect.poll(banners).toMatchObject([layer('Ada'), layer('Grace')]);
    const kept = await server.ask('GET', `/v1/streams/${id}/banner`, { token: tokens.view });
    expect(kept.body).toMatchObject({ revision: 2, state: layer('Grace') });
    const wrong = publisher.evaluate(() =>
      (window as unknown as InPage).kept.publication.setBanner({
        layers: [{ id: '?', kind: 'clock' }],
      }),
    );
    await expect(wrong).rejects.toThrow('This is no banner');
  });

  it('sends another stream to those who watch already', async () => {
    await start();
    const [publisher, viewer] = [await open(), await open()];
    await watch(viewer, await publish(publisher));
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
    await start();
    const [one, other] = [await open(), await open()];
    await publish(one, { name: 'one' });
    const { token, id } = (
      await server.ask<{ token: string; id: string }>('POST', '/v1/tokens', {
        body: { name: 'brief', scope: 'publish' },
      })
    ).body;
    await publish(other, { name: 'other', token });
    const stream = (await shown()).find(({ name }) => name === 'one')!;
    await server.ask('DELETE', `/v1/streams/${stream.id}`);
    await server.ask('DELETE', `/v1/tokens/${id}`);
    const ended = (page: Page) => page.evaluate(() => (window as unknown as InPage).kept.ended);
    await expect.poll(() => ended(one)).toBe('This stream was deleted.');
    await expect.poll(() => ended(other)).toMatch(/token .* is good no more/);
    await expect.poll(() => one.workers()).toEqual([]);
  });

  it('leaves nothing behind when it closes', async () => {
    await start();
    const [publisher, viewer] = [await open(), await open()];
    await watch(viewer, await publish(publisher));
    await expectFrames(viewer);
    await publisher.evaluate(() => (window as unknown as InPage).kept.publication.close());
    expect(await shown()).toMatchObject([{ viewers: 0 }]);
    expect(await viewers(publisher)).toBe(0);
    await expect.poll(() => publisher.workers()).toEqual([]);
    // At once, not when the network gives up on it.
    await expect.poll(() => troubles(viewer), { timeout: 5_000 }).not.toEqual([]);
    await viewer.evaluate(() => (window as unknown as InPage).kept.source.close());
    for (const page of [publisher, viewer])
      expect(await page.evaluate(openPeers), 'connections that are left').toBe(0);
    // The same tab may go on with it.
    await publish(publisher);
    await expect.poll(async () => (await shown())[0]).toMatchObject({ state: 'live', viewers: 0 });
  });

  it('says what is wrong with what it was given', async () => {
    await start();
    const page = await open();
    const tries = [
      [{ name: 'My Show' }, /"My Show" is no name of a stream/],
      [{ token: 'er_publish_unknown' }, /token/i],
      [{ token: tokens.view }, /publish/],
      [{ server: 'http://127.0.0.1:1' }, /127\.0\.0\.1:1 does not answer, or is no edge-runner server/],
      [{ server: pages.url }, /does not answer, or is no edge-runner server/],
      [{ server: 'nowhere:' }, /is no address/],
    ] as const;
    for (const [asked, sentence] of tries) await expect(publish(page, asked)).rejects.toThrow(sentence);
    expect(await shown()).toEqual([]);
    await expect.poll(() => page.workers()).toEqual([]);
    // A socket that could not be opened is told in the console as well.
    for (const words of faults) words.splice(0, words.length);
  });
});

describe('a page that receives', () => {
  it('gets what another page sends by WHIP, and the next one when that is gone', async () => {
    await start();
    const [receiver, one, other] = [await open(), await open(), await open()];
    const address = await receive(receiver);
    await send(one, address, 0);
    await expectFrames(receiver, 'received');
    const stats = await one.evaluate(() => (window as unknown as InPage).kept.sending.stats());
    expect(stats).toMatchObject({ width: 1280, height: 720 });
    await expect(send(other, address, 40_000)).rejects.toThrow('Somebody else sends to this page now.');
    await one.evaluate(() => (window as unknown as InPage).kept.sending.close());
    await send(other, address, 40_000);
    await expect
      .poll(async () => (await receiver.evaluate(readCounters, { selector: '#received', frames: 1 }))[0])
      .toBeGreaterThan(39_999);
    // Who sends comes back by itself when the page that receives does.
    await receiver.evaluate(() => (window as unknown as InPage).kept.reception.close());
    await expect.poll(() => troubles(other)).not.toEqual([]);
    expect(await receive(receiver)).toBe(address);
    await expect.poll(async () => (await troubles(other)).at(-1)).toBe(null);
    await expectFrames(receiver, 'received');
    await other.evaluate(() => (window as unknown as InPage).kept.sending.close());
    await expect.poll(async () => (await shown())[0]!.viewers).toBe(0);
    await expect
      .poll(() => receiver.evaluate(() => (window as unknown as InPage).kept.streams.at(-1) === null))
      .toBe(true);
    await receiver.evaluate(() => (window as unknown as InPage).kept.reception.close());
    await expect.poll(() => receiver.workers()).toEqual([]);
  });
});

describe('a call', () => {
  const callPage = (page: Page, url: string) =>
    page.evaluate(
      async (options) => {
        const { edge, picture, show, kept } = window as unknown as InPage;
        kept.call = await edge.callStream(picture(20_000, true), options);
        show('other', kept.call.stream);
      },
      { url, token: tokens.view },
    );

  it('goes both ways, with sound', async () => {
    await start();
    const [callee, caller] = [await open(), await open()];
    await callPage(caller, await publish(callee, { calls: true }));
    await expect.poll(() => callee.evaluate(() => (window as unknown as InPage).kept.callers.length)).toBe(1);
    await callee.evaluate(() => {
      const { kept, show } = window as unknown as InPage;
      show('caller', kept.callers[0]!);
    });
    expect((await expectFrames(caller, 'other'))[0]).toBeLessThan(20_000);
    expect((await expectFrames(callee, 'caller'))[0]).toBeGreaterThan(19_999);
    for (const [page, id] of [
      [caller, 'other'],
      [callee, 'caller'],
    ] as const)
      await expect.poll(() => page.evaluate(loudness, id)).toBeGreaterThan(0.1);
    await caller.evaluate(() => (window as unknown as InPage).kept.call.close());
    await expect.poll(() => viewers(callee)).toBe(0);
    for (const page of [callee, caller]) expect(await page.evaluate(openPeers)).toBe(0);
    expect(await shown()).toMatchObject([{ viewers: 0 }]);
  });

  it('is not taken where the page takes none, and the caller is told', async () => {
    await start();
    const [callee, caller] = [await open(), await open()];
    const address = await publish(callee);
    await expect(callPage(caller, address)).rejects.toThrow('takes no calls');
    expect(await callee.evaluate(() => (window as unknown as InPage).kept.callers.length)).toBe(0);
    await expect.poll(async () => (await shown())[0]!.viewers).toBe(0);
    // It watches as anybody may.
    await watch(caller, address);
    await expectFrames(caller);
  });
});

const openPeers = () =>
  (window as unknown as InPage).peers.filter(({ connectionState }) => connectionState !== 'closed').length;

/** Of what a video plays, 0 to 1. */
async function loudness(id: string): Promise<number> {
  const stream = document.querySelector<HTMLVideoElement>(`#${id}`)!.srcObject as MediaStream;
  const audio = new AudioContext();
  const analyser = audio.createAnalyser();
  audio.createMediaStreamSource(stream).connect(analyser);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const samples = new Float32Array(analyser.fftSize);
  analyser.getFloatTimeDomainData(samples);
  await audio.close();
  return Math.max(...samples.map(Math.abs));
}
