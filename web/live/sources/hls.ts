import { EdgeRunnerError } from '../../../protocol/index.ts';
import { checkedAddress, whyUnreadable } from './addresses.ts';
import { captureOf, newPlayer, notPlayable, ready } from './player.ts';
import type { OpenSource, SourceEvents } from './source.ts';

/** Milliseconds between two tries when nothing comes any more. */
const TRY_AGAIN = 2_000;

/**
 * An HLS stream, live or not. When the network goes it is tried again until it is back.
 * @throws {EdgeRunnerError} `input-not-media`, `cors-refused`, `url-unreachable`, `url-status`
 */
export async function openHls(address: string, events: SourceEvents): Promise<OpenSource> {
  const url = checkedAddress(address);
  const { default: Hls } = await import('hls.js');
  if (!Hls.isSupported())
    throw new EdgeRunnerError(
      'browser-lacks',
      'This browser has no Media Source Extensions, which HLS needs here.',
      'Take a current Chrome, Edge, Firefox or Safari.',
    );
  const player = newPlayer();
  const hls = new Hls({ lowLatencyMode: true, backBufferLength: 10 });
  let retry: ReturnType<typeof setTimeout> | undefined;
  let release = () => {};
  const close = () => {
    clearTimeout(retry);
    release();
    hls.destroy();
    player.removeAttribute('src');
    player.load();
  };
  let opened = false;
  const failed = new Promise<never>((_resolve, reject) => {
    hls.on(Hls.Events.ERROR, (_event, { fatal, type, details, response }) => {
      if (!fatal) return;
      if (!opened) {
        reject({ type, details, status: response?.code ?? 0 });
      } else if (type === Hls.ErrorTypes.MEDIA_ERROR) {
        hls.recoverMediaError();
      } else {
        events.onTrouble(lost(url));
        clearTimeout(retry);
        retry = setTimeout(() => hls.startLoad(), TRY_AGAIN);
      }
    });
  });
  failed.catch(() => {});
  hls.on(Hls.Events.FRAG_BUFFERED, () => {
    if (opened) events.onTrouble(null);
  });
  try {
    hls.loadSource(url);
    hls.attachMedia(player);
    await Promise.race([ready(player, url), failed]);
    await player.play();
  } catch (error) {
    close();
    throw error instanceof EdgeRunnerError ? error : await whyNot(url, error as HlsFault);
  }
  opened = true;
  const capture = captureOf(player);
  release = () => {
    capture.release();
    for (const track of capture.stream.getTracks()) track.stop();
  };
  // One that was over before is played over and over, as a file is.
  player.loop = hls.latestLevelDetails?.live === false;
  return { name: url, stream: capture.stream, soundLead: capture.soundLead, player, close };
}

interface HlsFault {
  type: string;
  details: string;
  /** 0 where there was no answer. */
  status: number;
}

async function whyNot(url: string, { type, status, details }: HlsFault): Promise<EdgeRunnerError> {
  if (status >= 400)
    return new EdgeRunnerError(
      'url-status',
      `${new URL(url).host} answers ${status} for this address.`,
      'See that the address is right, and that nobody has to log in for it.',
    );
  if (type === 'networkError' && !/parsing/i.test(details))
    return whyUnreadable(url, 'playlist and its segments');
  return notPlayable(url);
}

const lost = (url: string) =>
  new EdgeRunnerError(
    'connection-lost',
    `Nothing comes from ${new URL(url).host} any more.`,
    'It is tried again until it does.',
  );
