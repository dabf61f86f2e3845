import type { ModelDescriptor } from '../../../../models/descriptor.ts';
import { type JobSpec, parseJobSpec, RUNNER_PATHS } from '../../../../protocol/index.ts';
import { type EngineHost, runJob } from '../../../engine/index.ts';
import { loopbackBytes } from '../../runner/loopback-bytes.ts';
import type { StreamOutcome, StreamReply, StreamRequest } from './request.ts';

/** The engine in a worker of its own, as each camera has it. */
self.onmessage = async ({ data }: MessageEvent<StreamRequest>) => {
  const reply = (message: StreamReply) => self.postMessage(message);
  try {
    const arrived: StreamOutcome['arrived'] = [];
    const { summaries } = await runJob(jobOf(data), hostOf(data, arrived), {
      ortBase: new URL(RUNNER_PATHS.ort, data.origin).href,
      signal: new AbortController().signal,
    });
    reply({ type: 'done', began: summaries[0]!.live!.began, arrived });
  } catch (error) {
    reply({
      type: 'error',
      error: error instanceof Error ? `${error.message}\n${error.stack}` : String(error),
    });
  }
};

const jobOf = ({ backend, seconds, detect, depth }: StreamRequest): JobSpec =>
  parseJobSpec({
    v: 1,
    sources: [{ id: 'in', kind: 'upload', name: 'clip', realtime: true, end: seconds }],
    stages: [
      { id: 'detect', kind: 'detect', from: 'in', options: { model: detect } },
      ...(depth ? [{ id: 'depth', kind: 'depth', from: 'in', options: { model: depth } }] : []),
    ],
    outputs: [{ id: 'events', kind: 'events', from: 'detect' }],
    placement: { backend },
  });

function hostOf({ origin, token }: StreamRequest, arrived: StreamOutcome['arrived']): EngineHost {
  const headers = { authorization: `Bearer ${token}` };
  const ask = (path: string) => fetch(new URL(path, origin), { headers });
  const never = (what: string) => () => Promise.reject(new Error(`a stream of the bench has no ${what}`));
  return {
    openSource: async ({ id }) => ({
      ...loopbackBytes(new URL(RUNNER_PATHS.source(id), origin), headers),
      loss: async () => null,
    }),
    loadModel: async (name) => ({
      descriptor: (await (await ask(RUNNER_PATHS.descriptor(name))).json()) as ModelDescriptor,
      bytes: await (await ask(RUNNER_PATHS.model(name))).arrayBuffer(),
    }),
    readPicture: never('pictures'),
    createFile: never('files'),
    emit: async (lines) => {
      const at = performance.timeOrigin + performance.now();
      for (const line of lines) if (line.type === 'frame') arrived.push({ time: line.time, at });
    },
    log: () => {},
    progress: () => {},
  };
}
