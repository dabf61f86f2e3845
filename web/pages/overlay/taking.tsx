import { effect, signal } from '@preact/signals';
import type { RefObject } from 'preact';
import { useEffect } from 'preact/hooks';
import { EdgeRunnerError } from '../../../protocol/index.ts';
import { tell } from '../shared/log.tsx';
import { Recorder, removeOldRecordings } from '../shared/recorder.ts';
import { bytes, duration } from '../shared/words.ts';
import { pipeline, refusal } from './session.ts';

const recorder = signal<Recorder | null>(null);
const seconds = signal(0);
const taken = signal<readonly { name: string; address: string; size: number }[]>([]);

const stamp = () => new Date().toISOString().slice(0, 19).replaceAll(':', '-');

function offer(name: string, blob: Blob): void {
  taken.value = [{ name, address: URL.createObjectURL(blob), size: blob.size }, ...taken.value];
}

/** What is recorded ends with its picture: another one is another recording. */
effect(() => {
  pipeline.value;
  if (recorder.peek()) {
    tell('The recording ended with its picture; it is below.');
    record().catch(refused);
  }
});

/** Whoever leaves loses it. */
effect(() => {
  if (!recorder.value) return;
  const ask = (event: BeforeUnloadEvent) => event.preventDefault();
  addEventListener('beforeunload', ask);
  return () => removeEventListener('beforeunload', ask);
});

void removeOldRecordings();

const refused = (error: unknown) => {
  refusal.value = EdgeRunnerError.from(error).toRecord();
};

async function record(): Promise<void> {
  const { value: running } = recorder;
  if (running) {
    recorder.value = null;
    offer(`overlay-${stamp()}.mp4`, await running.finish());
    return;
  }
  seconds.value = 0;
  recorder.value = await Recorder.start(pipeline.value!.stream, (error) => {
    recorder.value = null;
    refused(error);
  });
}

async function snapshot(video: HTMLVideoElement): Promise<void> {
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  canvas.getContext('2d')!.drawImage(video, 0, 0);
  offer(`overlay-${stamp()}.png`, await canvas.convertToBlob({ type: 'image/png' }));
  tell('A picture was taken.');
}

/** Takes the picture along, as a video or as it stands. */
export function Taking({ video }: { video: RefObject<HTMLVideoElement | null> }) {
  const { value: running } = recorder;
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => {
      seconds.value = running.seconds;
    }, 500);
    return () => clearInterval(timer);
  }, [running]);
  return (
    <section class="card stack" aria-label="Take along">
      <div class="row">
        <button type="button" class={running ? 'bad' : ''} onClick={() => record().catch(refused)}>
          {running ? `■ Stop (${duration(seconds.value)})` : '● Record'}
        </button>
        <button type="button" onClick={() => snapshot(video.current!).catch(refused)}>
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
