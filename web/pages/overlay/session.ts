import { computed, effect, signal } from '@preact/signals';
import { type BackendChoice, EdgeRunnerError, type FrameEvent, type Point } from '../../../protocol/index.ts';
import { LiveSession } from '../shared/live-session.ts';
import { tell } from '../shared/log.tsx';
import { stagesFor, type Wishes } from './wishes.ts';

/** What the page knows, and the pipeline behind it. */

export const wishes = signal<Wishes>({
  ...{ mode: 'detect', detect: 'street-yolo', depth: 'street-depth' },
  ...{ minScore: 0.3, classes: [], zones: [] },
});
export const backend = signal<BackendChoice>('auto');
/** The last frame that was looked at. */
export const looked = signal<FrameEvent | null>(null);
/** Classes that were seen since the model was chosen. */
export const seen = signal<readonly string[]>([]);
/** Crossings and entries by zone, since it was drawn. */
export const counts = signal<Readonly<Record<string, Record<string, number>>>>({});

/** What the pipeline was opened with: wishes may change until it is open. */
let openedWith: Wishes | null = null;
export const session = new LiveSession(() => {
  openedWith = wishes.value;
  return { stages: stagesFor(openedWith), backend: backend.value, onEvent: hear };
});
effect(() => {
  const { value: pipeline } = session.pipeline;
  if (!pipeline) looked.value = null;
  else if (wishes.peek() !== openedWith) pipeline.setStages(stagesFor(wishes.peek()));
});

/** What the stages that run were opened for. */
type Chosen = Pick<Wishes, 'mode' | 'detect' | 'depth' | 'classes'>;
let running: Chosen | null = null;
const chosen = ({ mode, detect, depth, classes }: Wishes): Chosen => ({ mode, detect, depth, classes });
const isChosen = (a: Chosen, b: Chosen) => a.mode === b.mode && a.detect === b.detect && a.depth === b.depth;

/** A model that cannot be had is refused, as any other wish that cannot be: what ran before goes on. */
effect(() => {
  const { value: state } = session.state;
  const pipeline = session.pipeline.peek();
  const wished = wishes.peek();
  if (!pipeline) running = null;
  else if (state.state === 'running') running = chosen(wished);
  else if (state.state === 'failed' && running && !isChosen(running, wished)) {
    wishes.value = { ...wished, ...running };
    pipeline.setStages(stagesFor(wishes.peek()));
    session.refuse(EdgeRunnerError.fromRecord(state.error));
  }
});

/** Of the source, px; null until a frame came. */
export const size = computed(() => session.report.value?.source ?? null);

/** Of what comes out, as CSS has it. */
export const shape = computed(() => {
  const { value: report } = session.report;
  return report && `${report.width} / ${report.height}`;
});

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

export async function chooseBackend(choice: BackendChoice): Promise<void> {
  backend.value = choice;
  await session.reopen();
}

/** Changes what is wanted; what cannot be is refused, and everything stays as it was. */
export function wish(change: Partial<Wishes>): void {
  const next = { ...wishes.value, ...change };
  if (change.detect && change.detect !== wishes.value.detect) Object.assign(next, { classes: [] });
  try {
    session.pipeline.value?.setStages(stagesFor(next));
    if (change.detect) seen.value = [];
    if (change.zones) counts.value = {};
    session.refusal.value = null;
    wishes.value = next;
  } catch (error) {
    session.refuse(error);
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
