import { useEffect, useRef } from 'preact/hooks';
import { mount } from '../shared/mount.ts';
import './contribute.css';
import { EdgeRunnerError, type NodeHold, type NodeStatus } from '../../../protocol/index.ts';
import { duration, percent, plural, rate } from '../shared/words.ts';
import {
  battery,
  choices,
  error,
  fail,
  leave,
  mayTryAgain,
  measured,
  open,
  phase,
  preview,
  start,
  status,
} from './contributor.ts';
import { wordsOf } from './device.ts';
import { keepAwake } from './wake-lock.ts';

function App() {
  return (
    <main class="stack">
      <h1>Contribute this device</h1>
      {error.value && (
        <div class={`notice ${phase.value === 'failed' ? 'bad' : ''}`} role="alert">
          <p>
            <strong>{error.value.message}</strong>
          </p>
          <p>{error.value.remedy}</p>
        </div>
      )}
      <View />
      {measured.value && <Device />}
    </main>
  );
}

function View() {
  switch (phase.value) {
    case 'asking':
      return (
        <section class="card stack">
          <p>
            This browser will work for <strong>{location.host}</strong>: it reads videos from that server,
            finds what is in them, and sends the results back. Nothing of them stays here. It goes on while
            this tab is open, also in the background, and you can pause it or leave at any time.
          </p>
          <div>
            <button type="button" class="main" onClick={start}>
              Start
            </button>
          </div>
        </section>
      );
    case 'joining':
      return <p role="status">Joining…</p>;
    case 'measuring':
      return <p role="status">Looking at what this device can do…</p>;
    case 'other-tab':
      return (
        <p class="notice" role="status">
          Another tab of this browser contributes already. This one takes its place when that one is closed.
        </p>
      );
    case 'left':
      return (
        <section class="card stack">
          <p role="status">
            This device contributes nothing now.
            {status.value?.frames ? ` Thank you for ${plural(status.value.frames, 'frame')}.` : ''}
          </p>
          <div>
            <button type="button" onClick={() => location.reload()}>
              Start again
            </button>
          </div>
        </section>
      );
    case 'failed':
      return mayTryAgain() ? (
        <div>
          <button type="button" onClick={() => location.reload()}>
            Try again
          </button>
        </div>
      ) : null;
    case 'node':
      return <Work />;
  }
}

function Work() {
  const { attempts = [], done = 0, failed = 0, frames = 0 } = status.value ?? {};
  const paused = choices.value.paused;
  const now = attempts.reduce((sum, attempt) => sum + attempt.fps, 0);
  const under = attempts.reduce((sum, attempt) => sum + attempt.frames, 0);
  return (
    <>
      <section class="card stack" aria-label="Work">
        <p role="status">
          <strong>{wordsOfState(status.value)}</strong>
        </p>
        {status.value?.hold && <Held hold={status.value.hold} />}
        <Picture shown={attempts.length > 0} />
        <dl class="numbers number">
          <div>
            <dt>frames done</dt>
            <dd>{frames + under}</dd>
          </div>
          <div>
            <dt>frames a second</dt>
            <dd>{rate(now)}</dd>
          </div>
          <div>
            <dt>tasks done</dt>
            <dd>{done}</dd>
          </div>
          {failed > 0 && (
            <div>
              <dt>tasks failed</dt>
              <dd>{failed}</dd>
            </div>
          )}
        </dl>
        {attempts.map(({ attempt, frames: at, of, fps, waits }) => (
          <p key={attempt} class="quiet number">
            {waits ? 'The next one is being prepared' : `Frame ${at}`}
            {waits || of === null ? '' : ` of ${of}`}
            {of !== null && fps > 0 ? `, ${duration((of - at) / fps)} left` : ''}
          </p>
        ))}
        <div class="row">
          <button type="button" class="main" onClick={() => choose({ paused: !paused })}>
            {paused ? 'Start' : 'Pause'}
          </button>
          <button type="button" onClick={leave} disabled={status.value?.leaving ?? false}>
            Leave
          </button>
        </div>
      </section>
      <Settings />
    </>
  );
}

function wordsOfState(now: NodeStatus | null): string {
  const {
    state,
    leaving = false,
    hold = null,
    pause: paused = null,
    attempts: { length: attempts } = [],
  } = now ?? {};
  const pause = paused?.code ?? null;
  if (leaving) return 'Finishing what it has, then it leaves.';
  if (hold) return HOLDS[hold.state];
  if (pause === 'battery') return 'Paused: this device runs on battery.';
  if (pause) return 'Paused: what it had went back to the server.';
  if (state !== 'online') return 'Connecting…';
  return attempts > 0 ? 'Working.' : 'Ready for work.';
}

const HOLDS: Record<NodeHold['state'], string> = {
  draining: 'The server gives it no new work.',
  disabled: 'The server has disabled it.',
  suspended: 'The server has suspended it for a while.',
};

/** Why the server gives it nothing, and what to do about it. */
function Held({ hold: { state, reason, until } }: { hold: NodeHold }) {
  return (
    <div class="notice" role="alert">
      {reason && <p>{`${reason[0]!.toUpperCase()}${reason.slice(1)}.`}</p>}
      <p>
        {state === 'suspended'
          ? `It is tried again${until ? ` at ${clock(until)}` : ''}. If it goes on failing, update this browser and its graphics driver; whoever runs the server sees what failed on the page of this node.`
          : 'Whoever runs the server did that on its dashboard, and can let it work again there.'}
      </p>
    </div>
  );
}

const clock = (time: string): string =>
  new Date(time).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });

/** What is worked at, small: nothing of it is kept. */
function Picture({ shown }: { shown: boolean }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const picture = preview.value;
  useEffect(() => {
    if (!picture || !canvas.current) return;
    canvas.current.width = picture.width;
    canvas.current.height = picture.height;
    canvas.current.getContext('2d')!.drawImage(picture, 0, 0);
  }, [picture]);
  if (!shown || !picture) return null;
  return <canvas ref={canvas} class="preview" role="img" aria-label="What is worked at" />;
}

const choose = (some: Partial<typeof choices.value>): void => {
  choices.value = { ...choices.value, ...some };
};

function Settings() {
  const { share, onBattery, keepAwake: awake } = choices.value;
  return (
    <fieldset class="card stack">
      <legend class="hidden">Settings</legend>
      <div class="share">
        <label for="share">Share of its time</label>
        <input
          id="share"
          type="range"
          min="10"
          max="100"
          step="10"
          value={Math.round(share * 100)}
          aria-valuetext={percent(share)}
          onInput={({ currentTarget }) => choose({ share: Number(currentTarget.value) / 100 })}
        />
        <output for="share" class="number">
          {percent(share)}
        </output>
      </div>
      <label class="check">
        <input
          id="pause-on-battery"
          type="checkbox"
          checked={!onBattery}
          onChange={({ currentTarget }) => choose({ onBattery: !currentTarget.checked })}
        />
        <span>
          Pause on battery
          {battery.value
            ? ` (${percent(battery.value.level)}${battery.value.charging ? ', plugged in' : ''})`
            : ''}
        </span>
      </label>
      <label class="check">
        <input
          id="keep-awake"
          type="checkbox"
          checked={awake}
          onChange={({ currentTarget }) => choose({ keepAwake: currentTarget.checked })}
        />
        <span>Keep this screen on while this tab is shown</span>
      </label>
    </fieldset>
  );
}

function Device() {
  const { capabilities, speeds } = measured.value!;
  return (
    <section class="card stack" aria-labelledby="device">
      <h2 id="device">This device{status.value?.name ? `, "${status.value.name}"` : ''}</h2>
      <dl class="facts">
        {wordsOf(capabilities, speeds).flatMap(({ name, words }) => [
          <dt key={name}>{name}</dt>,
          <dd key={`${name} words`}>{words}</dd>,
        ])}
      </dl>
    </section>
  );
}

mount(<App />);
keepAwake();
open().catch((thrown: unknown) => fail(EdgeRunnerError.from(thrown)));
