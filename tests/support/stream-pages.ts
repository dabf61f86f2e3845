import type { Browser, BrowserContext, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { type StaticPages, serveStatically } from '../../bench/live/static-pages.ts';
import type { BannerState, IceServer, StreamView } from '../../protocol/index.ts';
import { startTestServer, type TestServer, UNHURRIED } from '../../server/testing.ts';
import type { Call, OpenSource, Publication, Reception, Sending } from '../../web/live/index.ts';
import { buildLibrary, type LiveWindow, openLivePage } from './live-library.ts';
import { openBrowser } from './pages.ts';
import { Workspace } from './workspace.ts';
import { readCounters } from './y4m.ts';

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
export type InPage = Window & typeof globalThis & Omit<LiveWindow, 'kept'> & { kept: Kept };

interface Asked {
  name?: string;
  maxViewers?: number;
  calls?: boolean;
  server?: string;
  token?: string;
}

/** A server, and pages of somebody else that publish at it, watch, send and receive. */
export class StreamPages {
  readonly workspace = Workspace.use();
  /** Told by the pages; a test that provokes some takes them away. */
  readonly faults: string[][] = [];
  readonly contexts: BrowserContext[] = [];
  readonly tokens = { publish: '', view: '' };
  pages!: StaticPages;
  browser!: Browser;
  server!: TestServer;

  /** To be called once in a file of tests. */
  static use(): StreamPages {
    const all = new StreamPages();
    beforeAll(async () => {
      await buildLibrary(all.workspace.at('library'));
      all.pages = await serveStatically({ '/library/': all.workspace.at('library') });
      all.browser = await openBrowser(['--autoplay-policy=no-user-gesture-required']);
    });
    afterEach(async () => {
      for (const context of all.contexts.splice(0)) await context.close();
      await all.server?.stop();
      expect(all.faults.splice(0).flat()).toEqual([]);
    });
    afterAll(async () => {
      await all.browser?.close();
      await all.pages?.close();
    });
    return all;
  }

  /** @param before the server that this one is in the place of: its data, its port, its tokens. */
  async start(
    intervals = UNHURRIED,
    before?: TestServer,
    iceServers: readonly IceServer[] = [],
  ): Promise<void> {
    const port = before ? Number(new URL(before.url).port) : 0;
    this.server = await startTestServer({ intervals, port, iceServers }, before);
    if (before) return;
    this.tokens.publish = await this.server.token('publish');
    this.tokens.view = await this.server.token('view');
  }

  async open(browser = this.browser): Promise<Page> {
    const { page, context, faults: own } = await openLivePage(browser, this.pages);
    this.contexts.push(context);
    this.faults.push(own);
    return page;
  }

  /** Publishes a picture from a page. @returns the address. */
  publish(page: Page, asked: Asked = {}): Promise<string> {
    return page.evaluate(
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
      { server: this.server.url, token: this.tokens.publish, name: 'studio', ...asked },
    );
  }

  watch(page: Page, url: string, token = this.tokens.view): Promise<void> {
    return page.evaluate(
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
  }

  send(page: Page, url: string, from: number): Promise<void> {
    return page.evaluate(
      async ({ url, token, from }) => {
        const { edge, picture, kept } = window as unknown as InPage;
        kept.troubles = [];
        kept.sending = await edge.sendWhip(
          picture(from),
          { url, token },
          { onTrouble: (error) => kept.troubles.push(error?.message ?? null) },
        );
      },
      { url, token: this.tokens.publish, from },
    );
  }

  receive(page: Page): Promise<string> {
    return page.evaluate(
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
      { server: this.server.url, token: this.tokens.publish, name: 'studio-in' },
    );
  }

  async shown(): Promise<StreamView[]> {
    return (await this.server.ask<{ streams: StreamView[] }>('GET', '/v1/streams')).body.streams;
  }
}

export const viewers = (page: Page) =>
  page.evaluate(() => (window as unknown as InPage).kept.publication.viewers);
export const troubles = (page: Page) => page.evaluate(() => (window as unknown as InPage).kept.troubles);

/** Frames arrive, and their numbers rise: how far, over so many of them. */
export async function expectFrames(page: Page, id = 'watched', frames = 15): Promise<number[]> {
  const numbers = await page.evaluate(readCounters, { selector: `#${id}`, frames });
  expect(numbers.at(-1)! - numbers[0]!, `${numbers}`).toBeGreaterThan(frames / 2);
  // Of an encoder that is starved one picture may be too blurred to be read.
  const falls = numbers.filter((number, i) => i > 0 && number < numbers[i - 1]!);
  expect(falls.length, `${numbers}`).toBeLessThanOrEqual(1);
  return numbers;
}

/** Connections that the page has open. */
export const openPeers = () =>
  (window as unknown as InPage).peers.filter(({ connectionState }) => connectionState !== 'closed').length;
