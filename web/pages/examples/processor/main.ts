import { EdgeRunnerError, LiveProcessor, openSource } from 'edge-runner';

const video = document.querySelector('video')!;
const status = document.querySelector('#found')!;

/** A track goes in and a track comes out: for a call, a recorder, whatever takes tracks. */
document.querySelector('button')!.onclick = async () => {
  try {
    const camera = await openSource({ kind: 'camera' });
    const [track] = camera.stream.getVideoTracks();
    const processor = new LiveProcessor({
      stages: [
        { kind: 'depth', options: { model: 'street-depth' } },
        { kind: 'overlay', options: { layout: 'side-by-side' } },
        { kind: 'banner', options: { layers: [{ id: 'name', kind: 'lower-third', title: track!.label }] } },
      ],
      onReport: ({ frames, seconds, latency }) => {
        status.textContent = `${(frames / seconds).toFixed(0)} fps, ${latency?.p50.toFixed(0) ?? '–'} ms`;
      },
    });
    const processed = await processor.process(track!);
    video.srcObject = new MediaStream([processed]);
    await video.play();
    addEventListener('pagehide', () => void processor.close());
  } catch (error) {
    // Of whatever went wrong: a sentence, and what to do about it.
    const { message, remedy } = EdgeRunnerError.from(error);
    status.textContent = `${message} ${remedy}`;
  }
};
