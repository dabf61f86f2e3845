import { useSignal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect } from 'preact/hooks';
import { bytes, duration } from '../shared/words.ts';
import { begin, beginning, end, recorder, taken, takeSnapshot } from './recording.ts';
import { session } from './session.ts';

/** Takes the picture along, as a video or as it stands. */
export function Taking({ video }: { video: RefObject<HTMLVideoElement | null> }) {
  const { value: running } = recorder;
  const seconds = useSignal(0);
  useEffect(() => {
    seconds.value = 0;
    if (!running) return;
    const timer = setInterval(() => {
      seconds.value = running.seconds;
    }, 500);
    return () => clearInterval(timer);
  }, [running, seconds]);
  const shown = session.report.value !== null;
  if (!shown && taken.value.length === 0) return null;
  return (
    <section class="card stack" aria-label="Take along">
      <div class="row">
        <button
          type="button"
          class={running ? 'bad' : ''}
          disabled={!shown || beginning.value}
          onClick={running ? end : begin}
        >
          {running ? `■ Stop (${duration(seconds.value)})` : '● Record'}
        </button>
        <button type="button" disabled={!shown} onClick={() => takeSnapshot(video.current!)}>
          Snapshot
        </button>
      </div>
      {taken.value.map(({ name, address, size }) => (
        <a key={address} href={address} download={name}>
          {name} ({bytes(size)})
        </a>
      ))}
    </section>
  );
}
