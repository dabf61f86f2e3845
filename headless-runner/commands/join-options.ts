import { hostname } from 'node:os';
import type { Command } from 'commander';
import { type BackendChoice, EdgeRunnerError } from '../../protocol/index.ts';
import { addReachOptions, type ReachOptions } from '../grid/server-options.ts';
import { readBackend, readCount } from '../run/options.ts';
import type { Limits } from '../sensors/guard.ts';
import { Schedule } from '../sensors/schedule.ts';
import { readLabels, readRegion } from './token.ts';

export interface JoinOptions extends ReachOptions {
  name: string;
  gpus?: string;
  concurrency: number;
  labels: string[];
  region?: string;
  backend: BackendChoice;
  memoryCap?: number;
  warnAt: number;
  stopAt: number;
  onBattery: boolean;
  schedule?: Schedule;
  headed: boolean;
}

/** What a machine that joins is told: by hand, or by the service that joins with it. */
export const addJoinOptions = (command: Command): Command =>
  addReachOptions(
    command
      .argument('<server>', 'address of the server')
      .option('--name <name>', 'what this machine is called there', hostname())
      .option('--gpus <which>', 'one browser for each of these GPUs: all, or numbers such as 0,2')
      .option('--concurrency <n>', 'tasks at a time of each browser', readCount('--concurrency', 1), 1)
      .option('--labels <labels>', 'labels of this machine, with commas between', readLabels, [])
      .option('--region <region>', 'where it stands, if its token does not say so', readRegion)
      .option('--backend <backend>', 'auto, webgpu or cpu', readBackend, 'auto')
      .option(
        '--memory-cap <mib>',
        'replace a browser that has more than this (default: half of the memory, shared by all)',
        readCount('--memory-cap', 256),
      )
      .option(
        '--schedule <hours>',
        'work in these hours only: "mon-fri 22:00-07:00, sat-sun 0:00-24:00"',
        (text) => Schedule.read(text),
      )
      .option('--on-battery', 'work on battery too', false)
      .option('--warn-at <celsius>', 'warn when processor or GPU is this hot', readDegrees('--warn-at'), 85)
      .option(
        '--stop-at <celsius>',
        'rest when it is this hot, until it is cooler than --warn-at',
        readDegrees('--stop-at'),
        95,
      )
      .option('--headed', 'show the browsers', false),
  );

/** @throws {EdgeRunnerError} `option-invalid` */
export function readLimits({ warnAt: warn, stopAt: stop, onBattery, schedule }: JoinOptions): Limits {
  if (warn >= stop)
    throw new EdgeRunnerError(
      'option-invalid',
      `--warn-at ${warn} is not below --stop-at ${stop}.`,
      'A machine that has stopped goes on when it is cooler than --warn-at.',
    );
  return { temperature: { warn, stop }, onBattery, schedule: schedule ?? null };
}

const readDegrees = (option: string) => (text: string) => {
  const degrees = Number(text);
  if (text.trim() !== '' && degrees > 0 && degrees <= 150) return degrees;
  throw new EdgeRunnerError(
    'option-invalid',
    `${option} does not take "${text}".`,
    'Give degrees Celsius, such as 85.',
  );
};
