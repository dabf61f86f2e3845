import { SingleBar } from 'cli-progress';
import type { EdgeRunnerError, FromPage, SummaryEvent } from '../../protocol/index.ts';

type ProgressMessage = Extract<FromPage, { type: 'progress' }>;

/** Tells whoever waits how a run is getting on. One for each input. */
export interface Reporter {
  progress(message: ProgressMessage): void;
  log(message: string): void;
  summary(summary: SummaryEvent, output: string | null): void;
  /** Takes the bar off the screen, whatever happened. */
  end(): void;
}

/** Seconds between lines where there is no terminal to draw a bar on. */
const LINE_INTERVAL = 5;

/** @param eventsShown whether standard output gets the events too, the summary among them. */
export function createReporter(name: string, json: boolean, eventsShown: boolean): Reporter {
  if (json) return new JsonReporter(eventsShown);
  return process.stderr.isTTY ? new BarReporter(name) : new LineReporter(name);
}

/** A bar with frames a second and the time left, on standard error. */
class BarReporter implements Reporter {
  readonly #bar: SingleBar;
  readonly #name: string;
  readonly #speed = new Speed();
  #shown = false;

  constructor(name: string) {
    this.#name = name;
    this.#bar = new SingleBar({
      format: '{name} [{bar}] {done} {fps} fps {left}',
      stream: process.stderr,
      hideCursor: true,
      clearOnComplete: true,
      barsize: 30,
    });
  }

  progress(message: ProgressMessage): void {
    const { share, fps, left } = this.#speed.read(message);
    const payload = {
      name: this.#name,
      fps: fps.toFixed(1),
      left: left === null ? '' : `${clock(left)} left`,
      done: share === null ? `${message.frames} frames` : `${Math.floor(share * 100)} %`,
    };
    if (!this.#shown) this.#bar.start(1000, 0, payload);
    this.#shown = true;
    this.#bar.update(Math.round((share ?? 0) * 1000), payload);
  }

  log(message: string): void {
    this.end();
    process.stderr.write(`${message}\n`);
  }

  summary(summary: SummaryEvent, output: string | null): void {
    this.end();
    process.stderr.write(`${inWords(this.#name, summary, output)}\n`);
  }

  end(): void {
    if (this.#shown) this.#bar.stop();
    this.#shown = false;
  }
}

/** Plain lines, now and then. */
class LineReporter implements Reporter {
  readonly #name: string;
  readonly #speed = new Speed();
  #last = performance.now();

  constructor(name: string) {
    this.#name = name;
  }

  progress(message: ProgressMessage): void {
    const now = performance.now();
    const { share, fps, left } = this.#speed.read(message);
    if (now - this.#last < LINE_INTERVAL * 1000) return;
    this.#last = now;
    const of = message.of === null ? '' : ` of ${message.of}`;
    const percent = share === null ? '' : ` (${Math.floor(share * 100)} %)`;
    process.stderr.write(
      `${this.#name}: frame ${message.frames}${of}${percent}, ${fps.toFixed(1)} fps${left === null ? '' : `, ${clock(left)} left`}\n`,
    );
  }

  log(message: string): void {
    process.stderr.write(`${this.#name}: ${message}\n`);
  }

  summary(summary: SummaryEvent, output: string | null): void {
    process.stderr.write(`${inWords(this.#name, summary, output)}\n`);
  }

  end(): void {}
}

/** One JSON object a line on standard output. */
class JsonReporter implements Reporter {
  readonly #speed = new Speed();
  readonly #eventsShown: boolean;

  constructor(eventsShown: boolean) {
    this.#eventsShown = eventsShown;
  }

  progress(message: ProgressMessage): void {
    const { fps, left } = this.#speed.read(message);
    const round = (value: number | null) => (value === null ? null : Number(value.toFixed(2)));
    this.#write({ v: 1, ...message, fps: round(fps), secondsLeft: round(left) });
  }

  log(message: string): void {
    this.#write({ v: 1, type: 'log', message });
  }

  summary(summary: SummaryEvent, output: string | null): void {
    if (!this.#eventsShown) this.#write({ ...summary, output });
  }

  end(): void {}

  #write(value: object): void {
    process.stdout.write(`${JSON.stringify(value)}\n`);
  }
}

/** How an error is told: in words on standard error, and as a line of JSON where one is read. */
export function reportError(error: EdgeRunnerError, json: boolean): void {
  if (json) process.stdout.write(`${JSON.stringify({ v: 1, type: 'error', ...error.toRecord() })}\n`);
  process.stderr.write(`edge-runner: ${error.code}: ${error.message}\n  ${error.remedy}\n`);
}

/** Frames a second over the last seconds, and the time left by them. */
class Speed {
  #window: { at: number; frames: number; time: number }[] = [];

  read({ frames, of, time, duration }: ProgressMessage): {
    share: number | null;
    fps: number;
    left: number | null;
  } {
    const at = performance.now() / 1000;
    // Begun again, after the browser died.
    if (frames < (this.#window.at(-1)?.frames ?? 0)) this.#window = [];
    this.#window.push({ at, frames, time });
    while (this.#window.length > 2 && at - this.#window[0]!.at > 4) this.#window.shift();
    const first = this.#window[0]!;
    const elapsed = Math.max(at - first.at, 1e-3);
    const fps = (frames - first.frames) / elapsed;
    const share = of ? Math.min(1, frames / of) : duration ? Math.min(1, time / duration) : null;
    const left =
      of && fps > 0
        ? (of - frames) / fps
        : duration && time > first.time
          ? (duration - time) / ((time - first.time) / elapsed)
          : null;
    return { share, fps, left: left === null ? null : Math.max(0, left) };
  }
}

const clock = (seconds: number) => {
  const whole = Math.round(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0
    ? `${h}:${String(m).padStart(2, '0')}:${String(s).padStart(2, '0')}`
    : `${m}:${String(s).padStart(2, '0')}`;
};

function inWords(
  name: string,
  { frames, seconds, fps, truncated, loss, live }: SummaryEvent,
  output: string | null,
): string {
  const done = `${name}: ${frames} ${frames === 1 ? 'frame' : 'frames'} in ${seconds.toFixed(1)} s (${fps.toFixed(1)} fps)${output ? ` → ${output}` : ''}`;
  const dropped = live?.dropped
    ? `\n${name}: ${live.dropped} frames were dropped: the stages take longer than the clip's pace allows`
    : '';
  return `${done}${dropped}${truncated ? `\n${name}: truncated: ${loss}` : ''}`;
}
