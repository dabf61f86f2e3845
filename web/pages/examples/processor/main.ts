import { EdgeRunnerError, LiveProcessor, type OpenSource, openSource } from 'edge-runner';

const video = document.querySelector('video')!;
const measured = document.querySelector('#measured')!;
const trouble = document.querySelector('#trouble')!;
const button = document.querySelector('button')!;

/** A track goes in and a track comes out: for a call, a recorder, whatever takes tracks. */
button.onclick = async () => {
  button.disabled = true;
  let camera: OpenSource | null = null;
  try {
    camera = await openSource({ kind: 'camera' });
    const [track] = camera.stream.getVideoTracks();
    const processor = new LiveProcessor({
      stages: [
        { kind: 'depth', options: { model: 'street-depth' } },
        { kind: 'overlay', options: { layout: 'side-by-side' } },
        { kind: 'banner', options: { layers: [{ id: 'name', kind: 'lower-third', title: track!.label }] } },
      ],
      onReport: ({ frames, seconds, latency }) => {
        measured.textContent = `${(frames / seconds).toFixed(0)} fps, ${latency?.p50.toFixed(0) ?? '–'} ms`;
      },
    });
    addEventListener('pagehide', () => void processor.close());
    const processed = await processor.process(track!);
    video.srcObject = new MediaStream([processed]);
    await video.play();
  } catch (error) {
    // Of whatever went wrong: a sentence, and what to do about it.
    const { message, remedy } = EdgeRunnerError.from(error);
    trouble.textContent = `${message} ${remedy}`;
    camera?.close();
    button.disabled = false;
  }
};
