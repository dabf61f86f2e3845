import { createPipeline, type EdgeRunnerError, type LiveSource, type Pipeline } from 'edge-runner';

const video = document.querySelector('video')!;
const found = document.querySelector('#found')!;
let pipeline: Pipeline | null = null;

async function open(source: LiveSource): Promise<void> {
  await pipeline?.close();
  pipeline = await createPipeline({
    source,
    stages: [
      { kind: 'detect', options: { model: 'street-yolo', minScore: 0.4 } },
      { kind: 'track' },
      { kind: 'overlay' },
    ],
    output: video,
    onEvent: ({ detections = [] }) => {
      found.textContent = `${detections.length} found: ${detections.map((one) => one.class).join(', ')}`;
    },
    // A camera that is unplugged, say. It goes on by itself, and says null then.
    onTrouble: (trouble) => trouble && say(trouble),
  });
}

/** A sentence for whoever sits before the page, and what to do about it. */
function say({ message, remedy }: EdgeRunnerError): void {
  found.textContent = `${message} ${remedy}`;
}

const button = (name: string, source: LiveSource) => {
  document.querySelector<HTMLButtonElement>(`#${name}`)!.onclick = () => open(source).catch(say);
};
button('camera', { kind: 'camera' });
button('street', { kind: 'street' });
