import { EdgeRunnerError, type JobSpec } from '../../protocol/index.ts';
import { type EventSink, openEvents } from './event-file.ts';
import { type RunInput, readInputs } from './inputs.ts';
import { untilInterrupted } from './interrupt.ts';
import { toJobSpec } from './job.ts';
import { MadeFolders } from './made-folders.ts';
import { checkTogether, type JobOptions } from './options.ts';
import { checkDistinct, planDepthFolders, planTargets, type RunTarget } from './outputs.ts';
import { createReporter, type Reporter, reportError } from './reporter.ts';
import type { InputResult } from './run-input.ts';
import { TextFile } from './text-file.ts';
import { readZones } from './zones.ts';

/** What is to be done with one input. */
export interface InputPlan {
  input: RunInput;
  target: RunTarget | null;
  job: JobSpec;
  /** Folder of the depth maps; null where none are wanted. */
  depthFolder: string | null;
  events: EventSink;
  reporter: Reporter;
}

/** Who does it: this machine, or a grid. */
export interface Means {
  /** Names of the models within a job. */
  models: { detect: string | undefined; depth: string | undefined };
  /** @returns null where nobody waits for the result. */
  carryOut(plan: InputPlan): Promise<InputResult | null>;
}

/**
 * Takes the inputs of a command line one by one through a machine or a grid, with everything that can be refused
 * refused before any work is done, and nothing left of what fails.
 */
export function runBatch(
  args: string[],
  options: JobOptions,
  prepare: (signal: AbortSignal) => Promise<Means>,
): Promise<void> {
  return MadeFolders.during((folders) => run(args, options, folders, prepare));
}

async function run(
  args: string[],
  options: JobOptions,
  folders: MadeFolders,
  prepare: (signal: AbortSignal) => Promise<Means>,
): Promise<void> {
  if (args.length === 0) throw noInput(options);
  checkTogether(options);
  const zoneList = options.zones === undefined ? undefined : await readZones(options.zones);
  const { inputs, refused } = await readInputs(args);
  const targets = options.output === undefined ? null : await planTargets(inputs, options.output, folders);
  const depthFolders =
    options.depthRaw === undefined ? null : await planDepthFolders(inputs, options.depthRaw, folders);
  await checkDistinct(inputs, targets ?? [], [options.events, options.stats], depthFolders);
  await untilInterrupted(async (signal) => {
    const { models, carryOut } = await prepare(signal);
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
          const result = await carryOut({
            ...{ input, target, events },
            job: toJobSpec(input, target, { ...options, ...models, zoneList }, id),
            depthFolder: depthFolders?.[i] ?? null,
            reporter: createReporter(input.name, options.json, options.events === '-'),
          });
          if (result) results.push(result);
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

function noInput(options: JobOptions): EdgeRunnerError {
  const taken = (['detect', 'depth'] as const).find((stage) => options[stage] !== undefined);
  return new EdgeRunnerError(
    'usage',
    'There is no input.',
    taken
      ? `"${options[taken]}" was read as the model of --${taken}: put the inputs before it, or name the model.`
      : 'Give files, folders, addresses, or "-" for standard input.',
  );
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
