import { effect, signal } from '@preact/signals';
import { createPipeline, type LiveReport, type LiveSource, type LiveState, type Pipeline } from 'edge-runner';
import { type BannerState, EdgeRunnerError, type ErrorRecord, parseBanner } from '../../../protocol/index.ts';
import { tell } from '../shared/log.tsx';
import { FIRST_BANNER } from './layers.ts';

/** What the page knows, and the pipeline behind it. */

/** What somebody made here, for the next time. */
const KEPT = 'edge-runner-banner';

export const banner = signal<BannerState>(keptBanner());
/** Id of the layer whose fields are open. */
export const selected = signal<string | null>(banner.value.layers[0]?.id ?? null);
export const phase = signal<'choosing' | 'opening' | 'running'>('choosing');
export const refusal = signal<ErrorRecord | null>(null);
export const trouble = signal<ErrorRecord | null>(null);
export const state = signal<LiveState>({ state: 'opening' });
export const report = signal<LiveReport | null>(null);
export const pipeline = signal<Pipeline | null>(null);

function keptBanner(): BannerState {
  try {
    return parseBanner(JSON.parse(localStorage.getItem(KEPT) ?? 'null'));
  } catch {
    // Nothing, or what somebody else wrote there.
    return FIRST_BANNER;
  }
}

export function refuse(error: unknown): void {
  refusal.value = EdgeRunnerError.from(error).toRecord();
}

/** Counts sources: another one may have brought sound. */
export const sources = signal(0);

/** Opens a source, or takes it in the place of the one before. */
export async function open(source: LiveSource, output: HTMLVideoElement): Promise<void> {
  refusal.value = null;
  const before = phase.value;
  phase.value = 'opening';
  try {
    if (pipeline.value) await pipeline.value.setSource(source);
    else
      pipeline.value = await createPipeline({
        source,
        output,
        stages: [{ kind: 'banner', options: banner.value }],
        ortBase: '../ort/',
        modelBase: '../models/',
        onReport: (value) => {
          report.value = value;
        },
        onState: (value) => {
          state.value = value;
          if ('error' in value) tell(value.error.message);
        },
        onTrouble: (error) => {
          if (error && error.message !== trouble.value?.message) tell(error.message);
          trouble.value = error?.toRecord() ?? null;
        },
        onLog: tell,
      });
    phase.value = 'running';
    sources.value++;
  } catch (error) {
    refuse(error);
    phase.value = before === 'running' ? 'running' : 'choosing';
  }
}

export async function close(): Promise<void> {
  const open = pipeline.value;
  pipeline.value = null;
  phase.value = 'choosing';
  report.value = trouble.value = null;
  await open?.close();
}

/** Another banner, of this page's hand or of somebody's outside. */
export function show(next: BannerState): void {
  banner.value = next;
  pipeline.value?.setBanner(next);
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
    refusal.value = null;
    edits.value++;
  } catch (error) {
    refuse(error);
  }
}

export const toggle = (id: string) =>
  edit((now) => ({
    ...now,
    layers: now.layers.map((layer) => (layer.id === id ? { ...layer, shown: !layer.shown } : layer)),
  }));

/** The keys 1 to 9 are the layers, from the top of the list; 0 takes all away. Not while something is written. */
addEventListener('keydown', ({ key, target, ctrlKey, metaKey, altKey }) => {
  if (ctrlKey || metaKey || altKey || !/^[0-9]$/.test(key)) return;
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
