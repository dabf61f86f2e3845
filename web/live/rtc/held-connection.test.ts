import { expect, it, vi } from 'vitest';
import type { EndpointConnection } from './endpoint-connection.ts';
import { HeldConnection } from './held-connection.ts';
import type { PeerState } from './peer.ts';

/** What one try was given, and how it ends. */
interface Try {
  hear(state: PeerState): void;
  gone: AbortSignal;
  came(connection: EndpointConnection): void;
  failed(error: Error): void;
}

function begin() {
  const tries: Try[] = [];
  const troubles: (string | null)[] = [];
  const connection = () => {
    const close = vi.fn(async () => {});
    return { peer: {} as RTCPeerConnection, close };
  };
  const opening = HeldConnection.open({
    host: 'media.example',
    connect: (hear, gone) =>
      new Promise((came, failed) => {
        tries.push({ hear, gone, came, failed });
      }),
    onTrouble: (trouble) => troubles.push(trouble?.message ?? null),
  });
  return { tries, troubles, connection, opening };
}

const settled = async (promise: Promise<unknown>) => {
  const nothing = Symbol();
  const later = new Promise((resolve) => setTimeout(resolve, 20, nothing));
  return (await Promise.race([promise, later])) !== nothing;
};

it('closed while it connects anew, ends that try, and is closed when nothing of it is left', async () => {
  const { tries, troubles, connection, opening } = begin();
  const first = connection();
  tries[0]!.came(first);
  const held = await opening;
  tries[0]!.hear('failed');
  expect(first.close).toHaveBeenCalledOnce();
  await expect.poll(() => tries).toHaveLength(2);
  const told = troubles.length;
  const closing = held.close();
  expect(tries[1]!.gone.aborted).toBe(true);
  expect(await settled(closing)).toBe(false);
  tries[1]!.failed(new Error('aborted'));
  await closing;
  expect([tries.length, troubles.length]).toEqual([2, told]);
});

it('closes what comes about when it was closed a moment before', async () => {
  const { tries, connection, opening } = begin();
  tries[0]!.came(connection());
  const held = await opening;
  held.renew();
  await expect.poll(() => tries).toHaveLength(2);
  const late = connection();
  tries[1]!.came(late);
  await held.close();
  expect(late.close).toHaveBeenCalledOnce();
  expect(held.peer).toBeNull();
});
