import { signal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect } from 'preact/hooks';
import { clock, rate } from '../shared/words.ts';
import { log, looked, report, state } from './session.ts';

/** Milliseconds from when a frame is handed to the page's `<video>` to when it is on the screen, and frames a second. */
const shown = signal<{ lag: number; fps: number } | null>(null);

/** Frames that the display's figures are taken over. */
const SPAN = 30;

export function Measures({ video }: { video: RefObject<HTMLVideoElement | null> }) {
  useEffect(() => watch(video.current!), [video]);
  const { value } = report;
  if (!value) return null;
  const latency = value.latency && shown.value ? value.latency.p50 + shown.value.lag : null;
  const running = state.value.state === 'running' ? state.value : null;
  return (
    <section class="measures" aria-label="Measured">
      <dl>
        <Figure name="shown" value={shown.value ? rate(shown.value.fps) : '–'} unit="fps" />
        <Figure name="looked at" value={rate(value.looked / value.seconds)} unit="fps" />
        <Figure name="latency" value={latency === null ? '–' : `${Math.round(latency)}`} unit="ms" />
        <Figure name="dropped" value={`${value.dropped}`} unit="" />
        <Figure name="size" value={`${value.width}×${value.height}`} unit="" />
        <Figure name="backend" value={running?.backend ?? '–'} unit={running?.backendReason ?? ''} />
      </dl>
      <Stages />
      <Found />
    </section>
  );
}

const Figure = ({ name, value, unit }: { name: string; value: string; unit: string }) => (
  <div>
    <dt>{name}</dt>
    <dd>
      <strong class="number">{value}</strong> <span class="quiet">{unit}</span>
    </dd>
  </div>
);

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

export const Log = () =>
  log.value.length === 0 ? null : (
    <section class="card" aria-label="What happened">
      <ol class="log">
        {log.value.slice(0, 8).map(({ at, text }) => (
          <li key={`${at} ${text}`}>
            <time class="quiet number">{clock(new Date(at).toISOString())}</time> {text}
          </li>
        ))}
      </ol>
    </section>
  );

function watch(video: HTMLVideoElement): () => void {
  const times: number[] = [];
  const lags: number[] = [];
  let next = 0;
  const note: VideoFrameRequestCallback = (_now, { presentationTime, expectedDisplayTime }) => {
    times.push(presentationTime);
    lags.push(Math.max(0, expectedDisplayTime - presentationTime));
    if (times.length > SPAN) {
      times.shift();
      lags.shift();
    }
    const seconds = (times.at(-1)! - times[0]!) / 1000;
    const lag = lags.reduce((sum, one) => sum + one, 0) / lags.length;
    if (seconds > 0) shown.value = { lag, fps: (times.length - 1) / seconds };
    next = video.requestVideoFrameCallback(note);
  };
  next = video.requestVideoFrameCallback(note);
  return () => video.cancelVideoFrameCallback(next);
}
