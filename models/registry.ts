import { z } from 'zod';
import { EdgeRunnerError } from '../protocol/errors.ts';
import data from './registry.json' with { type: 'json' };

const triple = z.tuple([z.number(), z.number(), z.number()]);

const known = {
  /** The word after `--detect` or `--depth`. */
  name: z.string().regex(/^[a-z0-9][a-z0-9.-]{0,62}$/),
  /** SPDX expression. */
  licence: z.string().min(1),
  /** Home of the model, for people; null for one of our own. */
  source: z.url().nullable(),
  /** Where the file is downloaded from; null for one that comes with the package, in `models/demo`. */
  url: z.url({ protocol: /^https?$/ }).nullable(),
  /** Names that the file is looked for by in folders; the first is its name in the cache. */
  fileNames: z.array(z.string().regex(/^[\w.-]+\.onnx$/)).min(1),
  /** Files that may go by this name. Empty: not known yet, so that the first download's hash is kept and held to. */
  files: z.array(
    z.strictObject({
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
      bytes: z.int().positive(),
      of: z.string(),
    }),
  ),
  /** 10⁹ operations for one picture, two for each multiply-add; of the network's paper, or counted. */
  gflop: z.number().positive().optional(),
  /** How the model wants its picture; see `LetterboxSpec` in the kernels. */
  input: z.strictObject({
    width: z.int().positive(),
    height: z.int().positive(),
    placement: z.enum(['top-left', 'center']),
    pad: z.int().min(0).max(255),
    order: z.enum(['rgb', 'bgr']),
    mean: triple,
    scale: triple,
  }),
};

const registryEntry = z.discriminatedUnion('task', [
  z.strictObject({
    ...known,
    task: z.literal('detect'),
    /** Layout of the output. */
    adapter: z.enum(['yolox', 'yolov8']),
    classes: z.enum(['coco-80', 'street-6']),
  }),
  z.strictObject({
    ...known,
    task: z.literal('depth'),
    /** Which values are near; see `DepthHead`. */
    larger: z.enum(['nearer', 'farther']),
  }),
]);

const registrySchema = z.strictObject({ v: z.literal(1), models: z.array(registryEntry) });

export type RegistryEntry = z.infer<typeof registryEntry>;

/** The built-in models, read from `registry.json`, which is plain data for anyone. */
export const REGISTRY: readonly RegistryEntry[] = registrySchema.parse(data).models;

/** @returns null when no built-in model has this name. */
export const findEntry = (
  name: string,
  registry: readonly RegistryEntry[] = REGISTRY,
): RegistryEntry | null => registry.find((entry) => entry.name === name) ?? null;

/** @returns the entry that names this very file, null when none does. */
export const findEntryByHash = (
  sha256: string,
  registry: readonly RegistryEntry[] = REGISTRY,
): RegistryEntry | null =>
  registry.find((entry) => entry.files.some((file) => file.sha256 === sha256)) ?? null;

/** The refusal of a name that stands for nothing. `known` are the names to offer. */
export const unknownModel = (ref: string, known: readonly string[]): EdgeRunnerError =>
  new EdgeRunnerError(
    'model-unknown',
    `There is no model called "${ref}".`,
    `Known are ${known.join(', ')}. A file of your own is given by its path, which ends in .onnx.`,
  );
