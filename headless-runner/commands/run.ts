import { Command } from 'commander';
import { checkTask, modelFor } from '../../models/descriptor.ts';
import { findEntry } from '../../models/registry.ts';
import {
  cacheFolder,
  checkFolders,
  modelFolders,
  type ResolvedModel,
  resolveModel,
  terminalProgress,
} from '../../models/store/index.ts';
import { EdgeRunnerError } from '../../protocol/index.ts';
import { fetchedBrowser } from '../browser/fetch.ts';
import { findBrowser } from '../browser/find.ts';
import { type Means, runBatch } from '../run/batch.ts';
import { addJobOptions, type RawJobOptions, readJobOptions } from '../run/job-options.ts';
import { type JobOptions, MOST_JOBS, readCount, readSegment, type SegmentLength } from '../run/options.ts';
import { runInput } from '../run/run-input.ts';

interface HereOptions {
  jobs: number;
  segment?: SegmentLength;
  models?: string[];
  headed: boolean;
}

export function runCommand(): Command {
  return addJobOptions(
    new Command('run')
      .description('process videos or pictures here, without a server')
      .argument('[input...]', 'files, folders, http(s) addresses, "-" for standard input, or still pictures'),
  )
    .option(
      '--models <dir>',
      'look for models in this folder first; may be given again',
      (dir, before: string[] = []) => [...before, dir],
    )
    .option(
      '--jobs <n>',
      'work at so many segments of a video at a time, for a machine that one cannot fill',
      readCount('--jobs', 1, MOST_JOBS),
      1,
    )
    .option(
      '--segment <seconds>',
      'about so long are the segments that --jobs works at (default: one for each); "whole" does not cut',
      readSegment,
    )
    .option('--headed', 'show the browser', false)
    .action((inputs: string[], raw: RawJobOptions & HereOptions) => {
      const options = readJobOptions(raw);
      checkSegment(options);
      return runBatch(inputs, options, (signal) => thisMachine(options, signal));
    });
}

/** @throws {EdgeRunnerError} `option-invalid` */
function checkSegment({ jobs, segment }: HereOptions): void {
  if (segment === undefined || jobs > 1) return;
  throw new EdgeRunnerError(
    'option-invalid',
    '--segment does nothing without --jobs.',
    'Add --jobs 2, or more; or have a grid do it: edge-runner submit.',
  );
}

/** Models and a browser of this machine. */
async function thisMachine(
  { models = [], headed, jobs, segment, ...options }: JobOptions & HereOptions,
  signal: AbortSignal,
): Promise<Means> {
  await checkFolders(models);
  const store = {
    folders: modelFolders(models),
    cacheDir: cacheFolder(),
    onProgress: terminalProgress(process.stderr),
    signal,
  };
  const resolved = async (task: 'detect' | 'depth') => {
    const ref = options[task];
    if (ref === undefined) return null;
    // Not fetched first, to be refused then.
    const entry = findEntry(ref);
    if (entry) checkTask(task, entry);
    const model = await resolveModel(ref, store);
    modelFor(task, model.descriptor);
    return model;
  };
  const detect = await resolved('detect');
  const depth = apart(await resolved('depth'), detect);
  const executablePath = findBrowser(await fetchedBrowser());
  return {
    models: { detect: detect?.descriptor.name, depth: depth?.descriptor.name },
    carryOut: (plan) =>
      runInput({
        ...plan,
        models: [detect, depth].filter((model) => model !== null),
        headers: options.header,
        split: jobs > 1 ? { jobs, segment } : null,
        launch: { executablePath, backend: options.backend, headed },
        signal,
      }),
  };
}

/** Files of two models may bear one name, "model.onnx" above all; within a job a name stands for one model. */
function apart(model: ResolvedModel | null, other: ResolvedModel | null): ResolvedModel | null {
  if (!model || model.descriptor.name !== other?.descriptor.name) return model;
  return { ...model, descriptor: { ...model.descriptor, name: `${model.descriptor.name}-depth` } };
}
