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
import { openEvents } from '../run/event-file.ts';
import { readInputs } from '../run/inputs.ts';
import { untilInterrupted } from '../run/interrupt.ts';
import { toJobSpec } from '../run/job.ts';
import { MadeFolders } from '../run/made-folders.ts';
import {
  checkTogether,
  type RunOptions,
  readBackend,
  readBitrate,
  readClasses,
  readCodec,
  readCount,
  readHeader,
  readLayout,
  readQuality,
  readShare,
  readSize,
  readTime,
} from '../run/options.ts';
import { checkDistinct, planDepthFolders, planTargets } from '../run/outputs.ts';
import { createReporter, reportError } from '../run/reporter.ts';
import { type InputResult, runInput } from '../run/run-input.ts';
import { TextFile } from '../run/text-file.ts';
import { readZones } from '../run/zones.ts';

/** Taken when --detect, or --depth, names no model. */
const DEFAULT_MODEL = 'yolox-nano';
const DEFAULT_DEPTH_MODEL = 'midas-small';

export function runCommand(): Command {
  return new Command('run')
    .description('process videos or pictures here, without a server')
    .argument('[input...]', 'files, folders, http(s) addresses, "-" for standard input, or still pictures')
    .option('-o, --output <out>', 'output file (.mp4, .webm, .mkv, .m3u8) or folder; without it, events only')
    .option(
      '--detect [model]',
      `find objects with a model from the registry or an .onnx file (default: ${DEFAULT_MODEL})`,
    )
    .option('--classes <names>', 'only these classes, such as person,car', readClasses)
    .option(
      '--min-score <score>',
      'least score of a detection, 0 to 1 (default: 0.3)',
      readShare('--min-score'),
    )
    .option(
      '--iou <overlap>',
      'overlap above which boxes of a class are one object, 0 to 1 (default: 0.65)',
      readShare('--iou'),
    )
    .option('--every <n>', 'infer on every Nth frame (default: 1)', readCount('--every', 1))
    .option('--track', 'follow objects from frame to frame (default with --every)')
    .option('--no-track', 'hold the boxes between the frames of --every')
    .option('--zones <file>', 'count who enters, leaves and crosses the places in this file (docs/zones.md)')
    .option('--depth [model]', `estimate how near everything is (default: ${DEFAULT_DEPTH_MODEL})`)
    .option(
      '--layout <layout>',
      'where depth is shown: overlay (default), side-by-side or depth (alone)',
      readLayout,
    )
    .option(
      '--depth-raw <dir>',
      'write the depth map of every inferred frame as a 16-bit PNG into this folder',
    )
    .option('--no-overlay', 'draw neither boxes nor depth')
    .option('--events <file>', 'write events as NDJSON; "-" for standard output')
    .option('--stats <file>', 'write times and queue depths of every stage as JSON')
    .option('--codec <codec>', 'h264, hevc, vp8, vp9 or av1', readCodec)
    .option('--bitrate <rate>', 'bits per second, such as 4M', readBitrate)
    .option('--quality <quality>', 'low, medium or high (default: medium)', readQuality)
    .option('--size <size>', 'output size, such as 1280x720', readSize)
    .option('--start <time>', 'begin here, in seconds or h:mm:ss', readTime('--start'))
    .option('--end <time>', 'end before this time', readTime('--end'))
    .option('--backend <backend>', 'auto, webgpu or cpu', readBackend, 'auto')
    .option(
      '--header <header>',
      '"Name: value" to send with every request to an address; may be given again',
      readHeader,
    )
    .option('--realtime', 'read at the pace of the clip', false)
    .option('--strict', 'fail on a truncated or damaged input instead of keeping what is whole', false)
    .option('--json', 'progress and result as JSON lines on standard output', false)
    .option(
      '--models <dir>',
      'look for models in this folder first; may be given again',
      (dir, before: string[] = []) => [...before, dir],
    )
    .option('--headed', 'show the browser', false)
    .action((inputs: string[], raw: RawOptions) => {
      const options = {
        ...raw,
        detect: raw.detect === true ? DEFAULT_MODEL : raw.detect,
        depth: raw.depth === true ? DEFAULT_DEPTH_MODEL : raw.depth,
        header: raw.header ?? {},
        models: raw.models ?? [],
      };
      return MadeFolders.during((folders) => run(inputs, options, folders));
    });
}

/** As the command line gives them: a list or a model's name may be left out. */
type RawOptions = Omit<RunOptions, 'detect' | 'depth' | 'header' | 'models'> &
  Partial<Pick<RunOptions, 'header' | 'models'>> & { detect?: string | true; depth?: string | true };

async function run(args: string[], options: RunOptions, folders: MadeFolders): Promise<void> {
  if (args.length === 0) {
    const taken = (['detect', 'depth'] as const).find((stage) => options[stage] !== undefined);
    throw new EdgeRunnerError(
      'usage',
      'There is no input.',
      taken
        ? `"${options[taken]}" was read as the model of --${taken}: put the inputs before it, or name the model.`
        : 'Give files, folders, addresses, or "-" for standard input.',
    );
  }
  checkTogether(options);
  await checkFolders(options.models);
  const zoneList = options.zones === undefined ? undefined : await readZones(options.zones);
  const { inputs, refused } = await readInputs(args);
  const targets = options.output === undefined ? null : await planTargets(inputs, options.output, folders);
  const depthFolders =
    options.depthRaw === undefined ? null : await planDepthFolders(inputs, options.depthRaw, folders);
  await checkDistinct(inputs, targets ?? [], [options.events, options.stats], depthFolders);
  await untilInterrupted(async (signal) => {
    const store = {
      folders: modelFolders(options.models),
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
    const stageModels = { detect: detect?.descriptor.name, depth: depth?.descriptor.name };
    const executablePath = findBrowser(await fetchedBrowser());
    const events = await openEvents(options.events);
    let stats: TextFile | null = null;
    const results: InputResult[] = [];
    const failures = [...refused];
    for (const error of refused) reportError(error, options.json);
    try {
      if (options.stats !== undefined) stats = await TextFile.open(options.stats);
      for (const [i, input] of inputs.entries()) {
        const id = inputs.length === 1 ? 'in' : `in-${i + 1}`;
        const target = targets?.[i] ?? null;
        try {
          results.push(
            await runInput({
              input,
              target,
              job: toJobSpec(input, target, { ...options, ...stageModels, zoneList }, id),
              models: [detect, depth].filter((model) => model !== null),
              depthFolder: depthFolders?.[i] ?? null,
              headers: options.header,
              launch: { executablePath, backend: options.backend, headed: options.headed },
              events,
              reporter: createReporter(input.name, options.json, options.events === '-'),
              signal,
            }),
          );
        } catch (error) {
          // One bad clip does not keep the others from being done; a stopped run does.
          if (inputs.length + refused.length === 1 || signal.aborted) throw error;
          failures.push(EdgeRunnerError.from(error));
          reportError(EdgeRunnerError.from(error), options.json);
        }
      }
      await events.commit();
      await stats?.write(`${JSON.stringify(results, null, 2)}\n`);
      await stats?.commit();
    } finally {
      await Promise.all([events.discard(), stats?.discard()]);
    }
    if (failures.length > 0) throw new SomeFailed(failures, inputs.length + refused.length);
  });
}

/** Files of two models may bear one name, "model.onnx" above all; within a job a name stands for one model. */
function apart(model: ResolvedModel | null, other: ResolvedModel | null): ResolvedModel | null {
  if (!model || model.descriptor.name !== other?.descriptor.name) return model;
  return { ...model, descriptor: { ...model.descriptor, name: `${model.descriptor.name}-depth` } };
}

/** Several inputs, some of which failed and were reported one by one. */
class SomeFailed extends EdgeRunnerError {
  constructor(failures: EdgeRunnerError[], of: number) {
    super(
      failures[0]!.code,
      `${failures.length} of ${of} inputs failed.`,
      'The lines above say why; the others are done.',
    );
  }
}
