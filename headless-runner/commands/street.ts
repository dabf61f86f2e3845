import { Command } from 'commander';
import { EdgeRunnerError, type Quality } from '../../protocol/index.ts';
import { fetchedBrowser } from '../browser/fetch.ts';
import { findBrowser } from '../browser/find.ts';
import { openEvents } from '../run/event-file.ts';
import type { RunInput } from '../run/inputs.ts';
import { untilInterrupted } from '../run/interrupt.ts';
import { toJobSpec } from '../run/job.ts';
import { MadeFolders } from '../run/made-folders.ts';
import { type JobOptions, readCount, readPositive, readQuality, readSize } from '../run/options.ts';
import { checkDistinct, planTargets } from '../run/outputs.ts';
import { createReporter } from '../run/reporter.ts';
import { runInput } from '../run/run-input.ts';

interface StreetCommandOptions {
  seconds: number;
  seed: number;
  size?: { width: number; height: number };
  fps: number;
  output?: string;
  truth?: string;
  quality: Quality;
  json: boolean;
  headed: boolean;
}

/** A day. */
const MOST_SECONDS = 86_400;

/** Nothing is done to the frames: they are made and encoded. */
const PLAIN = {
  overlay: false,
  backend: 'cpu',
  header: {},
  realtime: false,
  strict: false,
} as const satisfies Partial<JobOptions>;

export function streetCommand(): Command {
  return new Command('street')
    .description('make a clip of a synthetic street, with its truth')
    .option('-o, --output <out>', 'output file (.mp4, .webm, .mkv, .m3u8)')
    .option(
      '--truth <file>',
      'write classes, identities and boxes of every frame as NDJSON; "-" for standard output',
    )
    .option('--seconds <seconds>', 'how long', readPositive('--seconds', MOST_SECONDS), 10)
    .option(
      '--seed <n>',
      'which street: the same number gives the same frames and truth',
      readCount('--seed', 0),
      7,
    )
    .option('--size <size>', 'size of the picture (default: 960x540)', readSize)
    .option('--fps <rate>', 'frames a second', readPositive('--fps', 240), 30)
    .option('--quality <quality>', 'low, medium or high', readQuality, 'high')
    .option('--json', 'progress and result as JSON lines on standard output', false)
    .option('--headed', 'show the browser', false)
    .action((options: StreetCommandOptions) => MadeFolders.during((folders) => makeStreet(options, folders)));
}

async function makeStreet(options: StreetCommandOptions, folders: MadeFolders): Promise<void> {
  const {
    seconds,
    seed,
    size = { width: 960, height: 540 },
    fps,
    output,
    truth,
    quality,
    json,
    headed,
  } = options;
  if (output === undefined && truth === undefined)
    throw new EdgeRunnerError('usage', 'There is nothing to do.', 'Add -o OUT.mp4, --truth FILE, or both.');
  const frames = Math.max(1, Math.round(seconds * fps));
  const input: RunInput = { kind: 'street', name: `street-${seed}`, seed, ...size, fps, frames };
  const [target = null] = output === undefined ? [] : await planTargets([input], output, folders);
  await checkDistinct([input], target ? [target] : [], [truth]);
  const job = toJobSpec(input, target, { ...PLAIN, quality, json, events: truth }, 'in');
  await untilInterrupted(async (signal) => {
    const executablePath = findBrowser(await fetchedBrowser());
    const events = await openEvents(truth);
    try {
      await runInput({
        input,
        target,
        job,
        models: [],
        depthFolder: null,
        headers: {},
        split: null,
        launch: { executablePath, backend: PLAIN.backend, headed },
        events,
        reporter: createReporter(input.name, json, truth === '-'),
        signal,
      });
      await events.commit();
    } finally {
      await events.discard();
    }
  });
}
