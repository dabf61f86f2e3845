import type { Measure, Section } from '../reporting/report.ts';
import { median } from '../reporting/statistics.ts';
import { LIVE_PAGES, type LivePageName, withLivePage } from './live-page.ts';
import { readSent, readStamps, type SentReading, type StampReading, sendToItself } from './stamps.ts';

/** What is asked of each page, on two cores without a GPU. */
const ASKED = {
  overlay: { fps: 15, latency: 150 },
  banner: { fps: 25, added: 80 },
} as const;

/** Seconds that each is read for. */
const SECONDS = { full: 10, quick: 4 };

/** The live pages on the cpu backend: how many pictures a second, and how old they are when they are seen. */
export async function benchLive({ quick }: { quick: boolean }): Promise<Section> {
  const seconds = quick ? SECONDS.quick : SECONDS.full;
  const overlay = await measure('overlay', seconds);
  const banner = await measure('banner', seconds);
  const { sent } = banner;
  return {
    id: 'live',
    title: 'Live pages, on the processor',
    text: [
      'A camera draws the time into its pictures, and it is read back from what the page shows: glass to glass. Beside it the same camera as the browser shows it by itself; what lies between is what the engine adds. Then the page is sent over a connection with itself, encoder and decoder on the same cores.',
      `Encoder: ${sent.codec} (${sent.encoder || 'the browser does not say which'}), ${sent.width}×${sent.height}, limited by ${sent.limitedBy}.`,
    ],
    measures: [
      ...measuresOf('overlay', overlay.shown, overlay.plain),
      ...measuresOf('banner', banner.shown, banner.plain),
      {
        id: 'sent-fps',
        what: 'banner, sent and received',
        unit: 'fps',
        better: 'higher',
        values: [banner.received.fps],
      },
      {
        ...{
          id: 'sent-latency',
          what: 'banner, sent and received: glass to glass',
          unit: 'ms',
          better: 'lower',
        },
        values: [median(banner.received.latencies)],
      },
      { id: 'encode', what: 'its encoder, of a frame', unit: 'ms', better: 'lower', values: [sent.encodeMs] },
    ],
    charts: [],
  };
}

interface Measured {
  shown: StampReading;
  /** The camera by itself. */
  plain: StampReading;
  received: StampReading;
  sent: SentReading;
}

const measure = (name: LivePageName, seconds: number): Promise<Measured> =>
  withLivePage(name, async ({ page, read }) => {
    // Everything that there is lies over the picture.
    if (name === 'banner') await page.keyboard.press('4');
    const shown = await read(seconds);
    await page.evaluate(sendToItself, { selector: 'video', id: 'received' });
    const received = await page.evaluate(readStamps, { selector: '#received', seconds });
    const sent = await page.evaluate(readSent);
    await page.evaluate(showPlain);
    const plain = await page.evaluate(readStamps, { selector: '#plain', seconds: seconds / 2 });
    return { shown, plain, received, sent };
  });

async function showPlain(): Promise<void> {
  const video = document.createElement('video');
  Object.assign(video, { id: 'plain', muted: true, width: 320 });
  video.srcObject = await navigator.mediaDevices.getUserMedia({ video: true });
  document.body.append(video);
  await video.play();
}

function measuresOf(name: LivePageName, shown: StampReading, plain: StampReading): Measure[] {
  const { width, height } = LIVE_PAGES[name];
  const what = `${name} page, ${width}×${height}`;
  const asked: { fps: number; latency?: number; added?: number } = ASKED[name];
  const latency = median(shown.latencies);
  return [
    {
      ...{ id: `${name}-fps`, what, unit: 'fps', better: 'higher', values: [shown.fps] },
      asked: { atLeast: asked.fps },
    },
    {
      ...{ id: `${name}-latency`, what: `${what}: glass to glass, median`, unit: 'ms', better: 'lower' },
      values: [latency],
      ...(asked.latency && { asked: { atMost: asked.latency } }),
    },
    {
      ...{ id: `${name}-added`, what: `${what}: of it added by the engine`, unit: 'ms', better: 'lower' },
      values: [latency - median(plain.latencies)],
      ...(asked.added && { asked: { atMost: asked.added } }),
    },
  ];
}
