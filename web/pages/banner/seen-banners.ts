import type { Publication } from 'edge-runner';

/** Of the streams that this browser published: which revision of their banner it saw last. */
const KEPT = 'edge-runner-banners-seen';

/** Whether somebody else has set the banner of a stream since it was published from here. */
export function isNews({ id, banner }: Publication): boolean {
  return banner !== null && banner.revision > (read()[id] ?? 0);
}

/** What lies over the picture now has been seen here. */
export function noteSeen({ id, banner }: Publication): void {
  if (!banner) return;
  try {
    localStorage.setItem(KEPT, JSON.stringify({ ...read(), [id]: banner.revision }));
  } catch {
    // A browser that keeps nothing, or no more.
  }
}

function read(): Record<string, number> {
  try {
    return (JSON.parse(localStorage.getItem(KEPT) ?? '{}') as Record<string, number> | null) ?? {};
  } catch {
    return {};
  }
}
