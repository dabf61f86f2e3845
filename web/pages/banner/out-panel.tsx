import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { Notices } from '../shared/notices.tsx';
import { plural, rate } from '../shared/words.ts';
import {
  begin,
  busy,
  callers,
  type Destination,
  end,
  out,
  refused,
  stats,
  trouble,
  viewers,
  WAYS,
  type Way,
} from './sending.ts';
import { session } from './session.ts';

const fields = signal<Destination>({
  ...{ way: 'publish', address: location.origin, token: '', name: 'studio' },
  ...{ maxViewers: 8, calls: true },
});

const set = (change: Partial<Destination>) => {
  fields.value = { ...fields.value, ...change };
};

/** Where the picture goes. */
export function OutPanel() {
  const { way, address, token, name, maxViewers, calls } = fields.value;
  const { value: going } = out;
  const submit = (event: Event) => {
    event.preventDefault();
    if (going) end();
    else begin(fields.value);
  };
  return (
    <form class="card stack out" aria-label="Out" onSubmit={submit}>
      <label class="field">
        <span>Out</span>
        <select
          value={way}
          disabled={going !== null}
          onChange={({ currentTarget }) => {
            const next = currentTarget.value as Way;
            set({ way: next, address: next === 'publish' ? location.origin : '' });
          }}
        >
          {Object.entries(WAYS).map(([value, words]) => (
            <option key={value} value={value}>
              {words}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        <span>{way === 'publish' ? 'Server' : way === 'whip' ? 'WHIP address' : 'Its WHEP address'}</span>
        <input
          type="url"
          required
          placeholder="https://"
          disabled={going !== null}
          value={address}
          onInput={({ currentTarget }) => set({ address: currentTarget.value })}
        />
      </label>
      <label class="field">
        <span>Out token</span>
        <input
          type="password"
          autoComplete="off"
          placeholder={way === 'whip' ? 'none' : way === 'publish' ? 'of scope publish' : 'of scope view'}
          disabled={going !== null}
          value={token}
          onInput={({ currentTarget }) => set({ token: currentTarget.value })}
        />
      </label>
      {way === 'publish' && (
        <>
          <label class="field">
            <span>Name</span>
            <input
              type="text"
              required
              pattern="[a-z0-9]([a-z0-9\-]{0,61}[a-z0-9])?"
              title="small letters, digits and -"
              disabled={going !== null}
              value={name}
              onInput={({ currentTarget }) => set({ name: currentTarget.value })}
            />
          </label>
          <label class="field">
            <span>Most viewers</span>
            <input
              type="number"
              min={1}
              max={500}
              disabled={going !== null}
              value={maxViewers}
              onInput={({ currentTarget }) => set({ maxViewers: currentTarget.valueAsNumber || 1 })}
            />
          </label>
          <label class="check">
            <input
              type="checkbox"
              checked={calls}
              disabled={going !== null}
              onChange={({ currentTarget }) => set({ calls: currentTarget.checked })}
            />
            <span>others may call</span>
          </label>
        </>
      )}
      <button
        type="submit"
        class={going ? 'bad' : 'main'}
        disabled={busy.value || session.pipeline.value === null}
      >
        {going ? 'Stop sending' : busy.value ? 'Connecting…' : way === 'call' ? 'Call' : 'Send'}
      </button>
      <Going />
      <Notices bad={[refused.value]} passing={[trouble.value]} />
      {[...callers.value].map(([viewer, stream]) => (
        <Caller key={viewer} stream={stream} />
      ))}
    </form>
  );
}

/** How it goes, while it does. */
function Going() {
  const { value: going } = out;
  if (!going) return null;
  const { value: measured } = stats;
  return (
    <div class="stack">
      {/* Only this is read out when it changes: the figures below do all the time. */}
      <p role="status">
        {trouble.value ? (
          <span class="chip tone-warn">Reconnecting…</span>
        ) : (
          <span class="chip tone-good">
            {going.way === 'publish' ? `On air, ${plural(viewers.value, 'viewer')}` : 'Connected'}
          </span>
        )}
      </p>
      {going.way === 'publish' && (
        <p>
          <code class="address">{going.publication.address}</code>
        </p>
      )}
      {measured && measured.fps > 0 && (
        <p class="quiet number">
          {measured.width}×{measured.height}, {rate(measured.fps)} fps, {(measured.bitrate / 1e6).toFixed(1)}{' '}
          Mbit/s, {measured.codec ?? ''} {measured.encoder ?? ''}
          {` ${measured.encodeMs.toFixed(1)} ms a frame`}
          {measured.limitedBy !== 'none' && `, held down by ${measured.limitedBy}`}
        </p>
      )}
    </div>
  );
}

function Caller({ stream }: { stream: MediaStream }) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    video.current!.srcObject = stream;
    video.current!.play().catch(() => {});
  }, [stream]);
  // biome-ignore lint/a11y/useMediaCaption: nobody has written down yet what is said just now
  return <video class="caller" ref={video} playsInline controls />;
}
