import { EdgeRunnerError } from '../../../protocol/index.ts';
import { checkedAddress, whyUnreadable } from './addresses.ts';
import { captureOf, newPlayer, ready } from './player.ts';
import type { OpenSource } from './source.ts';

/**
 * A video, from the person's disk or from an address, played over and over.
 * @throws {EdgeRunnerError} `input-not-media`, `input-no-video`, `cors-refused`, `url-unreachable`, `url-status`
 */
export async function openVideo(from: File | string): Promise<OpenSource> {
  const isFile = typeof from !== 'string';
  const address = isFile ? URL.createObjectURL(from) : checkedAddress(from);
  const name = isFile ? from.name : address;
  const player = newPlayer();
  const letGo = () => {
    player.removeAttribute('src');
    player.load();
    if (isFile) URL.revokeObjectURL(address);
  };
  try {
    player.loop = true;
    player.src = address;
    await ready(player, name, isFile ? undefined : () => whyNot(address));
    await player.play();
  } catch (error) {
    letGo();
    throw error;
  }
  const { stream, soundLead, release } = captureOf(player);
  const close = () => {
    release();
    for (const track of stream.getTracks()) track.stop();
    letGo();
  };
  return { name, stream, soundLead, player, close };
}

/** @returns null when it can be read, and is nothing that plays. */
async function whyNot(address: string): Promise<EdgeRunnerError | null> {
  const answer = await fetch(address, {
    headers: { range: 'bytes=0-0' },
    signal: AbortSignal.timeout(5_000),
  }).catch(() => null);
  if (!answer) return whyUnreadable(address, 'video');
  if (answer.ok) return null;
  return new EdgeRunnerError(
    'url-status',
    `${new URL(address).host} answers ${answer.status} for this address.`,
    'See that the address is right, and that nobody has to log in for it.',
  );
}
