import { effect, signal } from '@preact/signals';
import { type BannerState, parseBanner } from '../../../protocol/index.ts';
import { LiveSession } from '../shared/live-session.ts';
import { FIRST_BANNER } from './layers.ts';

/** What the page knows, and the pipeline behind it. */

/** What somebody made here, for the next time. */
const KEPT = 'edge-runner-banner';

export const banner = signal<BannerState>(keptBanner());
/** Id of the layer whose fields are open. */
export const selected = signal<string | null>(banner.value.layers[0]?.id ?? null);
export const session = new LiveSession(() => ({ stages: [{ kind: 'banner', options: banner.value }] }));
// What was changed while it was opened.
effect(() => session.pipeline.value?.setBanner(banner.peek()));

function keptBanner(): BannerState {
  try {
    return parseBanner(JSON.parse(localStorage.getItem(KEPT) ?? 'null'));
  } catch {
    // Nothing, or what somebody else wrote there.
    return FIRST_BANNER;
  }
}

/** Another banner, of this page's hand or of somebody's outside. */
export function show(next: BannerState): void {
  banner.value = next;
  session.pipeline.value?.setBanner(next);
  try {
    localStorage.setItem(KEPT, JSON.stringify(next));
  } catch {
    // A browser that keeps nothing, or no more.
  }
}

/** What the person does; what cannot be is refused, and everything stays as it was. */
export const edits = signal(0);
export function edit(change: (banner: BannerState) => BannerState): void {
  try {
    show(change(banner.value));
    session.refusal.value = null;
    edits.value++;
  } catch (error) {
    session.refuse(error);
  }
}

export const toggle = (id: string) =>
  edit((now) => ({
    ...now,
    layers: now.layers.map((layer) => (layer.id === id ? { ...layer, shown: !layer.shown } : layer)),
  }));

/** The keys 1 to 9 are the layers, from the top of the list; 0 takes all away. Not while something is written. */
addEventListener('keydown', ({ key, target, repeat, ctrlKey, metaKey, altKey }) => {
  if (repeat || ctrlKey || metaKey || altKey || !/^[0-9]$/.test(key)) return;
  if (target instanceof HTMLElement && target.closest('input:not([type=checkbox]), textarea, select')) return;
  if (key === '0')
    edit((now) => ({ ...now, layers: now.layers.map((layer) => ({ ...layer, shown: false })) }));
  else {
    const layer = banner.value.layers[Number(key) - 1];
    if (layer) toggle(layer.id);
  }
});

effect(() => {
  const { layers } = banner.value;
  if (!layers.some(({ id }) => id === selected.peek())) selected.value = layers[0]?.id ?? null;
});
