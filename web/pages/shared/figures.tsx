import { useSignal } from '@preact/signals';
import type { LiveReport, LiveState } from 'edge-runner';
import type { ComponentChildren, RefObject } from 'preact';
import { useEffect } from 'preact/hooks';
import { rate } from './words.ts';

/** Milliseconds without a frame after which none are shown. */
const STILL = 2_000;
/** Between two looks whether there were any. */
const LOOK = 500;
/** Frames that the display's figures are taken over. */
const SPAN = 30;

/** Milliseconds from when a frame is handed to a `<video>` to when it is on the screen, and frames a second. */
interface Shown {
  lag: number;
  fps: number;
}

interface FiguresProps {
  video: RefObject<HTMLVideoElement | null>;
  report: LiveReport | null;
  state: LiveState;
  /** More of them. */
  children?: ComponentChildren;
}

/** How the picture goes: what a person with an eye on it wants to know. */
export function Figures({ video, report, state, children }: FiguresProps) {
  const shown = useSignal<Shown | null>(null);
  useEffect(
    () =>
      watch(video.current!, (value) => {
        shown.value = value;
      }),
    [video],
  );
  if (!report) return null;
  const latency = report.latency && shown.value ? report.latency.p50 + shown.value.lag : null;
  const running = state.state === 'running' ? state : null;
  return (
    <dl class="figures">
      <Figure name="shown" value={shown.value ? rate(shown.value.fps) : '–'} unit="fps" />
      <Figure name="latency" value={latency === null ? '–' : `${Math.round(latency)}`} unit="ms" />
      <Figure name="dropped" value={`${report.dropped}`} unit="" />
      <Figure name="open frames" value={`${report.openFrames}`} unit="" />
      <Figure name="size" value={`${report.width}×${report.height}`} unit="" />
      <Figure name="backend" value={running?.backend ?? '–'} unit={running?.backendReason ?? ''} />
      {children}
    </dl>
  );
}

export const Figure = ({ name, value, unit }: { name: string; value: string; unit: string }) => (
  <div>
    <dt>{name}</dt>
    <dd>
      <strong class="number">{value}</strong> <span class="quiet">{unit}</span>
    </dd>
  </div>
);

function watch(video: HTMLVideoElement, hear: (shown: Shown) => void): () => void {
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
    if (seconds > 0) hear({ lag, fps: (times.length - 1) / seconds });
    next = video.requestVideoFrameCallback(note);
  };
  next = video.requestVideoFrameCallback(note);
  // What stands still says nothing by itself.
  const still = setInterval(() => {
    if (times.length > 0 && performance.now() - times.at(-1)! > STILL) {
      times.length = lags.length = 0;
      hear({ lag: 0, fps: 0 });
    }
  }, LOOK);
  return () => {
    clearInterval(still);
    video.cancelVideoFrameCallback(next);
  };
}
