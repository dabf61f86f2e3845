import type { RefObject } from 'preact';
import { Figure, Figures } from '../shared/figures.tsx';
import { rate } from '../shared/words.ts';
import { looked, session, wishes } from './session.ts';
import { findsObjects } from './wishes.ts';

const { report, state } = session;

export function Measures({ video }: { video: RefObject<HTMLVideoElement | null> }) {
  const { value } = report;
  return (
    <section class="measures" aria-label="Measured">
      <Figures video={video} report={value} state={state.value}>
        {value && <Figure name="looked at" value={rate(value.looked / value.seconds)} unit="fps" />}
      </Figures>
      {value && <Stages />}
      <Found />
    </section>
  );
}

/** The way of a frame, on either backend. */
const ORDER = [
  'copy',
  'import',
  'letterbox',
  'infer',
  'infer-depth',
  'readback',
  'postprocess',
  'draw',
  'frame-out',
];

/** What each stage takes of a frame, milliseconds. */
function Stages() {
  const stages = Object.entries(report.value!.stages).sort(([a], [b]) => ORDER.indexOf(a) - ORDER.indexOf(b));
  const most = Math.max(1, ...stages.map(([, { mean }]) => mean));
  if (stages.length === 0) return null;
  return (
    <table class="stages">
      <caption class="hidden">Time of each stage</caption>
      <tbody>
        {stages.map(([name, { mean, p95 }]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>
              <span class="bar" aria-hidden="true">
                <span style={{ width: `${(100 * mean) / most}%` }} />
              </span>
            </td>
            <td class="number">{mean.toFixed(1)} ms</td>
            <td class="number quiet">p95 {p95.toFixed(1)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Found() {
  // What was found of a picture that does not come any more is nowhere.
  if (!findsObjects(wishes.value) || report.value?.frames === 0) return null;
  const counted = new Map<string, number>();
  for (const one of looked.value?.detections ?? []) counted.set(one.class, (counted.get(one.class) ?? 0) + 1);
  if (counted.size === 0) return null;
  return (
    <p class="row found">
      {[...counted].map(([name, count]) => (
        <span key={name} class="tag">
          {count} {name}
        </span>
      ))}
    </p>
  );
}
