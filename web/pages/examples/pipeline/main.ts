import { createPipeline, type EdgeRunnerError, type LiveSource, type Pipeline } from 'edge-runner';

const video = document.querySelector('video')!;
const found = document.querySelector('#found')!;
const trouble = document.querySelector('#trouble')!;
const buttons = document.querySelectorAll('button');
let pipeline: Pipeline | null = null;

async function open(source: LiveSource): Promise<void> {
  // Another source takes the place of the one before.
  if (pipeline) return pipeline.setSource(source);
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
    onTrouble: say,
  });
}

/** A sentence for whoever sits before the page, and what to do about it. */
function say(error: EdgeRunnerError | null): void {
  trouble.textContent = error && `${error.message} ${error.remedy}`;
}

const SOURCES: Record<string, LiveSource> = { camera: { kind: 'camera' }, street: { kind: 'street' } };
for (const button of buttons)
  button.onclick = async () => {
    for (const one of buttons) one.disabled = true;
    say(null);
    await open(SOURCES[button.id]!).catch(say);
    for (const one of buttons) one.disabled = false;
  };
