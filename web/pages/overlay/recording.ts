import { effect, signal } from '@preact/signals';
import { tell } from '../shared/log.tsx';
import { Recorder, removeOldRecordings } from '../shared/recorder.ts';
import { session } from './session.ts';

/** What the person takes along: files that the page offers until it is left. */

export interface Taken {
  name: string;
  address: string;
  /** Bytes. */
  size: number;
}

/** What is being recorded; null while nothing is. */
export const recorder = signal<Recorder | null>(null);
/** While a recording begins. */
export const beginning = signal(false);
/** The last first. */
export const taken = signal<readonly Taken[]>([]);

const stamp = () => new Date().toISOString().slice(0, 19).replaceAll(':', '-');

function offer(name: string, blob: Blob): void {
  taken.value = [{ name, address: URL.createObjectURL(blob), size: blob.size }, ...taken.value];
}

/** Begins a recording of what is shown. */
export async function begin(): Promise<void> {
  const { value: pipeline } = session.pipeline;
  const { value: report } = session.report;
  if (!pipeline || !report || beginning.value || recorder.value) return;
  beginning.value = true;
  try {
    const started: Recorder = await Recorder.start(pipeline.stream, report, (error) => {
      session.refuse(error);
      // What was written until then is the person's.
      if (recorder.peek() === started) void end();
    });
    recorder.value = started;
    if (session.pipeline.peek() !== pipeline) await end();
  } catch (error) {
    session.refuse(error);
  } finally {
    beginning.value = false;
  }
}

/** Ends it, and offers its file. */
export async function end(): Promise<void> {
  const { value: running } = recorder;
  recorder.value = null;
  try {
    if (running) offer(`overlay-${stamp()}.mp4`, await running.finish());
  } catch (error) {
    session.refuse(error);
  }
}

/** The picture as it stands. */
export function takeSnapshot(video: HTMLVideoElement): void {
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext('2d')!.drawImage(video, 0, 0);
  canvas.toBlob((blob) => {
    if (!blob) return;
    offer(`overlay-${stamp()}.png`, blob);
    tell('A picture was taken.');
  }, 'image/png');
}

// What is recorded ends with its picture: another one is another recording.
effect(() => {
  session.pipeline.value;
  if (!recorder.peek()) return;
  tell('The recording ended with its picture; its file is there to be saved.');
  void end();
});

// Whoever leaves loses it.
effect(() => {
  if (!recorder.value) return;
  const ask = (event: BeforeUnloadEvent) => event.preventDefault();
  addEventListener('beforeunload', ask);
  return () => removeEventListener('beforeunload', ask);
});

void removeOldRecordings();
