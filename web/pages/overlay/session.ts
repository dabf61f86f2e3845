import { computed, effect, signal } from '@preact/signals';
import { createPipeline, type LiveReport, type LiveSource, type LiveState, type Pipeline } from 'edge-runner';
import {
  type BackendChoice,
  EdgeRunnerError,
  type ErrorRecord,
  type FrameEvent,
  type Point,
} from '../../../protocol/index.ts';
import { tell } from '../shared/log.tsx';
import { stagesFor, type Wishes } from './wishes.ts';

/** What the page knows, and the pipeline behind it. */

export const wishes = signal<Wishes>({
  ...{ mode: 'detect', detect: 'street-yolo', depth: 'street-depth' },
  ...{ minScore: 0.3, classes: [], zones: [] },
});
export const backend = signal<BackendChoice>('auto');
export const phase = signal<'choosing' | 'opening' | 'running'>('choosing');
/** Why it could not be opened, or what was wrong with a wish. */
export const refusal = signal<ErrorRecord | null>(null);
/** What is wrong with the source just now. */
export const trouble = signal<ErrorRecord | null>(null);
export const state = signal<LiveState>({ state: 'opening' });
export const report = signal<LiveReport | null>(null);
/** The last frame that was looked at. */
export const looked = signal<FrameEvent | null>(null);
/** Classes that were seen since the model was chosen. */
export const seen = signal<readonly string[]>([]);
/** Crossings and entries by zone, since it was drawn. */
export const counts = signal<Readonly<Record<string, Record<string, number>>>>({});
export const pipeline = signal<Pipeline | null>(null);
/** Of the source, px; null until a frame came. */
export const size = computed(() => report.value?.source ?? null);

/** Of what comes out, as CSS has it. */
export const shape = computed(() => report.value && `${report.value.width} / ${report.value.height}`);

/** Zones lie in pixels of the source: on one of another size they lie where they did, as shares of it. */
let zonesFor: { width: number; height: number } | null = null;
effect(() => {
  const { value: now } = size;
  if (!now) return;
  const before = zonesFor;
  zonesFor = now;
  const { zones } = wishes.peek();
  if (!before || zones.length === 0 || (before.width === now.width && before.height === now.height)) return;
  const fitted = ([x, y]: Point): Point => [
    Math.round((x * now.width) / before.width),
    Math.round((y * now.height) / before.height),
  ];
  wish({
    zones: zones.map((zone) =>
      'line' in zone
        ? { ...zone, line: [fitted(zone.line[0]), fitted(zone.line[1])] }
        : { ...zone, polygon: zone.polygon.map(fitted) },
    ),
  });
  tell('The zones were fitted to the new picture, and count anew.');
});

let opened: { source: LiveSource; output: HTMLVideoElement } | null = null;

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
        stages: stagesFor(wishes.value),
        backend: backend.value,
        ortBase: '../ort/',
        modelBase: '../models/',
        onEvent: hear,
        onReport: (value) => {
          report.value = value;
        },
        onState: (value) => {
          state.value = value;
          if ('error' in value) tell(value.error.message);
        },
        onTrouble: (error) => {
          if (error && error.message !== trouble.value?.message) tell(error.message);
          if (!error && trouble.value) tell('The source is back.');
          trouble.value = error?.toRecord() ?? null;
        },
        onLog: tell,
      });
    opened = { source, output };
    phase.value = 'running';
  } catch (error) {
    refusal.value = EdgeRunnerError.from(error).toRecord();
    phase.value = before === 'running' ? 'running' : 'choosing';
  }
}

export async function close(): Promise<void> {
  const open = pipeline.value;
  pipeline.value = null;
  phase.value = 'choosing';
  report.value = looked.value = trouble.value = null;
  await open?.close();
}

/** Another backend is another engine: the same source is opened anew with it. */
export async function chooseBackend(choice: BackendChoice): Promise<void> {
  backend.value = choice;
  if (!pipeline.value || !opened) return;
  await close();
  await open(opened.source, opened.output);
}

/** Changes what is wanted; what cannot be is refused, and everything stays as it was. */
export function wish(change: Partial<Wishes>): void {
  const next = { ...wishes.value, ...change };
  if (change.detect && change.detect !== wishes.value.detect) Object.assign(next, { classes: [] });
  try {
    pipeline.value?.setStages(stagesFor(next));
    if (change.detect) seen.value = [];
    if (change.zones) counts.value = {};
    refusal.value = null;
    wishes.value = next;
  } catch (error) {
    refusal.value = EdgeRunnerError.from(error).toRecord();
  }
}

function hear(event: FrameEvent): void {
  looked.value = event;
  const names = (event.detections ?? []).map((one) => one.class);
  const fresh = names.filter((name) => !seen.value.includes(name));
  if (fresh.length > 0) seen.value = [...new Set([...seen.value, ...fresh])];
  for (const happened of event.zones ?? []) {
    const what = happened.event === 'cross' ? happened.direction : happened.event;
    const of = counts.value[happened.zone] ?? {};
    counts.value = { ...counts.value, [happened.zone]: { ...of, [what]: (of[what] ?? 0) + 1 } };
  }
}
