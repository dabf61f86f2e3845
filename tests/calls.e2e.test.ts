import type { Page } from 'playwright';
import { describe, expect, it } from 'vitest';
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

describe('a page that receives', () => {
  it('gets what another page sends by WHIP, and the next one when that is gone', async () => {
    await all.start();
    const [receiver, one, other] = [await all.open(), await all.open(), await all.open()];
    const address = await all.receive(receiver);
    await all.send(one, address, 0);
    await expectFrames(receiver, 'received');
    const stats = await one.evaluate(() => (window as unknown as InPage).kept.sending.stats());
    expect(stats).toMatchObject({ width: 1280, height: 720 });
    await expect(all.send(other, address, 40_000)).rejects.toThrow('Somebody else sends to this page now.');
    await one.evaluate(() => (window as unknown as InPage).kept.sending.close());
    await all.send(other, address, 40_000);
    await expect
      .poll(async () => (await receiver.evaluate(readCounters, { selector: '#received', frames: 1 }))[0])
      .toBeGreaterThan(39_999);
    // Who sends comes back by itself when the page that receives does.
    await receiver.evaluate(() => (window as unknown as InPage).kept.reception.close());
    await expect.poll(() => troubles(other)).not.toEqual([]);
    expect(await all.receive(receiver)).toBe(address);
    await expect.poll(async () => (await troubles(other)).at(-1)).toBe(null);
    await expectFrames(receiver, 'received');
    await other.evaluate(() => (window as unknown as InPage).kept.sending.close());
    await expect.poll(async () => (await all.shown())[0]!.viewers).toBe(0);
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
      { url, token: all.tokens.view },
    );

  it('goes both ways, with sound', async () => {
    await all.start();
    const [callee, caller] = [await all.open(), await all.open()];
    await callPage(caller, await all.publish(callee, { calls: true }));
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
    expect(await all.shown()).toMatchObject([{ viewers: 0 }]);
  });

  it('is offered with the ICE servers of the server, as is all that is watched or sent', async () => {
    const servers = [
      { urls: ['stun:127.0.0.1:9'] },
      { urls: ['turn:127.0.0.1:9?transport=udp'], username: 'a, "b"', credential: 'c\\d' },
    ];
    await all.start(undefined, undefined, servers);
    const [callee, other, receiver] = [await all.open(), await all.open(), await all.open()];
    const address = await all.publish(callee, { calls: true });
    await callPage(other, address);
    await all.watch(other, address);
    await all.send(other, await all.receive(receiver), 0);
    const told = (page: Page) =>
      page.evaluate(() =>
        (window as unknown as InPage).peers.map((peer) => peer.getConfiguration().iceServers),
      );
    const known = await told(other);
    expect(known).toHaveLength(3);
    for (const one of known) expect(one).toMatchObject(servers);
    for (const page of [callee, receiver]) expect((await told(page))[0]).toMatchObject(servers);
  });

  it('that is closed while it is made anew is over at once, and reaches nobody', async () => {
    await all.start();
    const [callee, caller] = [await all.open(), await all.open()];
    const address = await all.publish(callee, { calls: true });
    await callPage(caller, address);
    await expect.poll(() => callee.evaluate(() => (window as unknown as InPage).kept.callers.length)).toBe(1);
    // The next offer is on its way for as long as it likes.
    let offered = false;
    await caller.route(address, () => {
      offered = true;
    });
    const failed = caller.waitForEvent('requestfailed');
    await callee.evaluate(() => (window as unknown as InPage).kept.publication.close());
    await expect.poll(() => offered).toBe(true);
    const took = await caller.evaluate(async () => {
      const began = performance.now();
      await (window as unknown as InPage).kept.call.close();
      return performance.now() - began;
    });
    expect(took).toBeLessThan(1_000);
    expect((await failed).failure()?.errorText).toBe('net::ERR_ABORTED');
    expect(await caller.evaluate(openPeers)).toBe(0);
  });

  it('is not taken where the page takes none, and the caller is told', async () => {
    await all.start();
    const [callee, caller] = [await all.open(), await all.open()];
    const address = await all.publish(callee);
    await expect(callPage(caller, address)).rejects.toThrow('takes no calls');
    expect(await callee.evaluate(() => (window as unknown as InPage).kept.callers.length)).toBe(0);
    await expect.poll(async () => (await all.shown())[0]!.viewers).toBe(0);
    // It watches as anybody may.
    await all.watch(caller, address);
    await expectFrames(caller);
  });
});

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
