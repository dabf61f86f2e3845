/** By which a server knows that it is the same tab that publishes. */
export interface TabKey {
  key: string;
  /** Somebody else of this tab may use it. */
  release(): void;
}

/** Milliseconds that a page which was loaded anew waits for the one before it to go. */
const PATIENCE = 1_000;

/**
 * The key of what this tab publishes under a name. It is kept for as long as the tab, so that a page that was loaded
 * anew, or publishes again, has its stream back at once and is not taken for a stranger. A duplicated tab has a copy of
 * it: whoever holds the lock of a key has it, the other one gets a new key, which the server takes as another tab's.
 * That lock also keeps browsers from freezing the page.
 */
export async function takeTabKey(server: string, name: string): Promise<TabKey> {
  const place = `edge-runner:publisher:${server}:${name}`;
  const kept = read(place);
  // Where nothing has locks, in no secure context, a duplicated tab takes the stream over.
  if (kept !== null && !globalThis.navigator.locks) return { key: kept, release: () => {} };
  const old = kept === null ? null : await lock(kept);
  if (old) return old;
  const random = crypto.getRandomValues(new Uint8Array(24));
  const key = Array.from(random, (byte) => byte.toString(16).padStart(2, '0')).join('');
  // Whoever has the one that is kept keeps it.
  if (kept === null) write(place, key);
  return (await lock(key)) ?? { key, release: () => {} };
}

/** @returns null where somebody else has it, or nothing has locks. */
function lock(key: string): Promise<TabKey | null> {
  if (!globalThis.navigator.locks) return Promise.resolve(null);
  return new Promise((resolve) => {
    const held = (): Promise<void> =>
      new Promise((release) => {
        resolve({ key, release });
      });
    const signal = AbortSignal.timeout(PATIENCE);
    navigator.locks.request(`edge-runner:publisher:${key}`, { signal }, held).catch(() => resolve(null));
  });
}

/** A page may not be allowed to keep anything. */
function read(place: string): string | null {
  try {
    return sessionStorage.getItem(place);
  } catch {
    return null;
  }
}

function write(place: string, key: string): void {
  try {
    sessionStorage.setItem(place, key);
  } catch {
    // Then it is another tab for the server when it is loaded anew.
  }
}
