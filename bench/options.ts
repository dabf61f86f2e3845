import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { findEntry } from '../models/registry.ts';
import {
  cacheFolder,
  locateEntry,
  modelFolders,
  type ResolvedModel,
  resolveModel,
} from '../models/store/index.ts';
import { BACKENDS, type BackendChoice, type BackendName, CODECS, type Codec } from '../protocol/index.ts';
import type { BenchContext } from './context.ts';

/** In the order in which they are measured. */
export const SECTIONS = [
  'transcode',
  'detect',
  'detect-depth',
  'streams',
  'live',
  'nodes',
  'accuracy',
  'kernels',
  'street',
] as const;
export type SectionName = (typeof SECTIONS)[number];

/** The street's scores take as long as all the rest, and change with its networks only. */
const USUAL = SECTIONS.filter((name) => name !== 'street');
/** What says something after one short round, in two minutes. */
const QUICK = USUAL.filter((name) => name !== 'detect-depth' && name !== 'nodes');

export interface BenchOptions {
  sections: readonly SectionName[];
  quick: boolean;
  backend: BackendChoice;
  width: number;
  height: number;
  codec: Codec;
  /** Bits per second. */
  bitrate: number;
  model: string | null;
  streams: number[];
  compare: string | null;
  report: string;
}

/** Ends the process, with a word, when an option is wrong. */
export function parseOptions(args: string[]): BenchOptions {
  const command = new Command('npm run bench --')
    .description('how fast it is here, beside what people would use instead')
    .argument(
      '[sections...]',
      `of ${SECTIONS.join(', ')}; all but street when none is named (quick: nor detect-depth, nor nodes)`,
    )
    .option(
      '--quick',
      'one short round beside the nearest peers, of which nothing is asked: two minutes',
      false,
    )
    .addOption(new Option('--backend <name>', 'whose stages are measured').choices(BACKENDS).default('auto'))
    .option('--size <WxH>', 'size of the clip (default: 1280x720; 640x360 when quick)', size)
    .option(
      '--model <name>',
      'detection model: a registry name or a path (default: yolox-nano, else street-yolo)',
    )
    .addOption(new Option('--codec <name>', 'of the output').choices(CODECS).default('h264'))
    .option('--streams <list>', 'how many streams at a time (default: 1,2,4,8; 1,2 when quick)', counts)
    .option('--compare <file>', 'a report.json of before')
    .option('--report <folder>', 'where the report goes', 'bench/report')
    .parse(args, { from: 'user' });
  const { size: asked, model, compare, report, streams, ...options } = command.opts();
  const shape = asked ?? size(options.quick ? '640x360' : '1280x720');
  const wrong = command.args.find((name) => !(SECTIONS as readonly string[]).includes(name));
  if (wrong) command.error(`error: there is no section "${wrong}"; there are ${SECTIONS.join(', ')}`);
  return {
    ...options,
    ...shape,
    bitrate: Math.round((3e6 * shape.width * shape.height) / (1280 * 720)),
    sections: command.args.length > 0 ? (command.args as SectionName[]) : options.quick ? QUICK : USUAL,
    model: model ?? null,
    streams: streams ?? (options.quick ? [1, 2] : [1, 2, 4, 8]),
    compare: compare ? resolve(compare) : null,
    report: resolve(report),
  };
}

const STORE = { folders: modelFolders(), cacheDir: cacheFolder() };

/** A model of the registry, where its file lies here already. */
export async function modelIfHere(name: string): Promise<ResolvedModel | null> {
  const entry = findEntry(name);
  return entry && (await locateEntry(entry, STORE)) ? resolveModel(name, STORE) : null;
}

/** The detection model that is asked for, or the first of the usual ones that is here: a bench downloads nothing. */
export async function resolveModels(
  model: string | null,
  backend: BackendName,
): Promise<Pick<BenchContext, 'detect' | 'depth' | 'camera'>> {
  const detect = model
    ? await resolveModel(model, STORE)
    : ((await modelIfHere('yolox-nano')) ?? (await modelIfHere('street-yolo')));
  // Cores alone carry no camera with a network of the usual size.
  const camera = model || backend === 'webgpu' ? detect : await modelIfHere('street-yolo');
  return { detect, depth: await modelIfHere('street-depth'), camera };
}

function size(text: string): { width: number; height: number } {
  const [, width, height] = /^(\d{2,5})x(\d{2,5})$/.exec(text) ?? [];
  if (!width || !height || Number(width) % 2 || Number(height) % 2)
    throw new InvalidArgumentError('Give width x height in even pixels, as 1280x720.');
  return { width: Number(width), height: Number(height) };
}

function counts(text: string): number[] {
  const values = text.split(',').map(Number);
  if (values.some((value) => !Number.isInteger(value) || value < 1 || value > 64))
    throw new InvalidArgumentError('Give whole numbers from 1 to 64, as 1,2,4,8.');
  return [...new Set(values)].sort((a, b) => a - b);
}
