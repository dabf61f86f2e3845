import type { CapabilityReport } from '../../protocol/index.ts';
import { type BackendName, type JobSpec, type MeasuredSpeeds, parseJobSpec } from '../../protocol/index.ts';
import { type EngineHost, runJob } from '../engine/index.ts';
import { loadModel } from './model-cache.ts';
import type { ServerLink } from './server-link.ts';

/** Seconds that each kind of work is tried for, once it runs. */
const SECONDS = 1.5;
/** Of a pattern that nobody would wait for the end of. */
const FRAMES = 100_000;
/** The network that comes with every server. */
const MODEL = 'street-yolo';

/** How fast this device is at what a grid asks for most, by backend: frames a second of 640×360. */
export async function measureSpeeds(
  capabilities: CapabilityReport,
  link: ServerLink,
  { credential, ortBase }: { credential: string; ortBase: string },
): Promise<MeasuredSpeeds> {
  const gpu = capabilities.adapter !== null && !capabilities.adapter.software;
  const speeds: MeasuredSpeeds = {};
  for (const backend of gpu ? (['webgpu', 'cpu'] as const) : (['cpu'] as const)) {
    const host = { loadModel: (name: string) => loadModel(link, name, credential) };
    const works: [string, JobSpec][] = [
      ['transcode', job(backend, false)],
      ['detect', job(backend, true)],
    ];
    const measured: Record<string, number> = {};
    for (const [work, spec] of works) {
      const fps = await fpsOf(spec, host, ortBase);
      if (fps !== null) measured[work] = Number(fps.toFixed(2));
    }
    speeds[backend] = measured;
  }
  return speeds;
}

const job = (backend: BackendName, detect: boolean): JobSpec =>
  parseJobSpec({
    v: 1,
    sources: [{ id: 'in', kind: 'pattern', width: 640, height: 360, fps: 30, frames: FRAMES }],
    stages: detect ? [{ id: 'detect', kind: 'detect', from: 'in', options: { model: MODEL } }] : [],
    outputs: [
      detect
        ? { id: 'out', kind: 'events', from: 'detect' }
        : { id: 'out', kind: 'video', from: 'in', name: 'out.mp4', container: 'mp4' },
    ],
    placement: { backend },
  });

/** From the first frame on, so that loading counts for nothing; null for what does not run here. */
async function fpsOf(
  spec: JobSpec,
  { loadModel }: Pick<EngineHost, 'loadModel'>,
  ortBase: string,
): Promise<number | null> {
  const enough = new AbortController();
  let first: { at: number; frames: number } | null = null;
  let last = { at: 0, frames: 0 };
  const host: EngineHost = {
    loadModel,
    openSource: () => Promise.reject(new Error('a pattern has no bytes')),
    readPicture: () => Promise.reject(new Error('a pattern has no pictures')),
    createFile: async () => new WritableStream(),
    emit: async () => {},
    log: () => {},
    progress: ({ frames }) => {
      last = { at: performance.now(), frames };
      first ??= last;
      if (last.at - first.at > SECONDS * 1000) enough.abort();
    },
  };
  await runJob(spec, host, { ortBase, signal: enough.signal }).catch(() => {});
  const began = first as { at: number; frames: number } | null;
  if (!began || last.frames === began.frames) return null;
  return (last.frames - began.frames) / ((last.at - began.at) / 1000);
}
