import { basename } from 'node:path';
import { EdgeRunnerError, type JobSpec, parseJobSpec, type Zone } from '../../protocol/index.ts';
import type { RunInput } from './inputs.ts';
import type { JobOptions } from './options.ts';
import type { RunTarget } from './outputs.ts';

/** The JobSpec that the command line is sugar for. */
export function toJobSpec(
  input: RunInput,
  target: RunTarget | null,
  options: JobOptions & { zoneList?: readonly Zone[] | undefined },
  id: string,
): JobSpec {
  const stages: Stage[] = options.detect === undefined ? [] : [detectStage(options, id)];
  // Boxes of frames that are not inferred are moved on, where they are not told to stay.
  const { zoneList } = options;
  const tracked =
    options.track ?? (zoneList !== undefined || (options.every !== undefined && options.every > 1));
  if (stages.length > 0 && tracked && input.kind !== 'pictures') {
    stages.push({ id: 'track', kind: 'track', from: 'detect' });
    if (zoneList) stages.push({ id: 'zones', kind: 'zones', from: 'track', options: { zones: zoneList } });
  }
  if (input.kind === 'pictures' && (options.track || zoneList))
    throw new EdgeRunnerError(
      'option-invalid',
      'Nobody moves on still pictures: --track and --zones do nothing with them.',
      'Leave these options out, or run videos and pictures apart.',
    );
  if (options.depth !== undefined) {
    const { depth: model, every } = options;
    stages.push({ id: 'depth', kind: 'depth', from: stages.at(-1)?.id ?? id, options: { model, every } });
  }
  const found = stages.at(-1)?.id ?? id;
  const drawn = stages.length > 0 && options.overlay && target !== null;
  const last = drawn ? 'overlay' : found;
  return parseJobSpec({
    v: 1,
    sources: [sourceOf(input, options, id)],
    stages: drawn
      ? [...stages, { id: 'overlay', kind: 'overlay', from: found, options: { layout: options.layout } }]
      : stages,
    outputs: [
      ...(target
        ? [
            input.kind === 'pictures'
              ? { id: 'frames', kind: 'frames', from: last }
              : videoOf(target, options, last),
          ]
        : []),
      ...(options.depthRaw === undefined ? [] : [{ id: 'depth-maps', kind: 'depth-maps', from: found }]),
      ...(options.events === undefined ? [] : [{ id: 'events', kind: 'events', from: found }]),
    ],
    placement: { backend: options.backend },
    strict: options.strict,
  });
}

function sourceOf(input: RunInput, { start, end, realtime, header }: JobOptions, id: string): object {
  const range = { start, end, realtime };
  switch (input.kind) {
    case 'url':
      return { id, kind: 'http', url: input.url, headers: header, ...range };
    case 'file':
    case 'stdin':
      return { id, kind: 'upload', name: input.name, ...range };
    case 'pictures':
      if (start !== undefined || end !== undefined || realtime) {
        throw new EdgeRunnerError(
          'option-invalid',
          'Still pictures have no time: --start, --end and --realtime do nothing with them.',
          'Leave these options out, or run videos and pictures apart.',
        );
      }
      return { id, kind: 'snapshots', files: input.paths.map((path) => basename(path)) };
    case 'street': {
      const { seed, width, height, fps, frames } = input;
      return { id, kind: 'street', seed, width, height, fps, frames, ...range };
    }
    case 'pattern': {
      const { width, height, fps, frames } = input;
      return { id, kind: 'pattern', width, height, fps, frames, ...range };
    }
  }
}

interface Stage {
  id: string;
  kind: string;
  from: string;
  options?: object;
}

function detectStage({ detect, classes, minScore, iou, every }: JobOptions, from: string): Stage {
  return { id: 'detect', kind: 'detect', from, options: { model: detect, classes, minScore, iou, every } };
}

function videoOf(
  { name, container }: RunTarget,
  { codec, bitrate, quality, size }: JobOptions,
  from: string,
): object {
  return { id: 'video', kind: 'video', from, name, container, codec, bitrate, quality, size };
}
