import { z } from 'zod';
import { EdgeRunnerError } from './errors.ts';
import { encoderClass } from './grid/capabilities.ts';
import { LEAST_SEGMENT_SECONDS, MOST_SEGMENT_SECONDS, USUAL_SEGMENT_SECONDS } from './grid/segment.ts';
import { nodeLabel, nodeLabels } from './label.ts';
import { parseZones, zonesSchema } from './zones.ts';

const id = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/i);
const pixels = z.int().min(16).max(16384);
const uploadId = z.string().regex(/^[a-z0-9][a-z0-9_-]{7,63}$/i);
/** A plain name, no path: it may become a file's on another machine. */
const fileName = z
  .string()
  .min(1)
  .max(255)
  .refine(
    (name) => !/[/\\\0]/.test(name) && name !== '.' && name !== '..',
    'a plain file name, without folders',
  );
/** How much the machines are trusted that may work on something. */
export const TRUSTS = ['untrusted', 'trusted'] as const;

export const BACKENDS = ['auto', 'webgpu', 'cpu'] as const;
export const CODECS = ['h264', 'hevc', 'vp8', 'vp9', 'av1'] as const;
export const CONTAINERS = ['mp4', 'webm', 'mkv', 'hls'] as const;
/** What a container gets where a job says nothing, the first that the browser encodes. */
export const USUAL_CODECS: Readonly<Record<(typeof CONTAINERS)[number], readonly (typeof CODECS)[number][]>> =
  {
    mp4: ['h264', 'vp9', 'av1'],
    mkv: ['h264', 'vp9', 'vp8'],
    webm: ['vp9', 'vp8', 'av1'],
    hls: ['h264', 'vp9', 'av1'],
  };
/** Where depth is shown: over the picture, beside it, or in its place. */
export const LAYOUTS = ['overlay', 'side-by-side', 'depth'] as const;
export const QUALITIES = ['low', 'medium', 'high'] as const;

/** Part of a source, in seconds of its own timeline: frames with `start` ≤ time < `end`. */
const range = {
  start: z.number().min(0).optional(),
  end: z.number().positive().optional(),
  /** Read at the pace of the clip instead of as fast as possible. */
  realtime: z.boolean().default(false),
};

const sourceSpec = z.discriminatedUnion('kind', [
  /** Bytes the host holds under this id: a file, standard input; on a grid an upload, by its id. */
  z.strictObject({
    id,
    kind: z.literal('upload'),
    name: z.string().max(1024),
    upload: uploadId.optional(),
    ...range,
  }),
  z.strictObject({
    id,
    kind: z.literal('http'),
    url: z.url({ protocol: /^https?$/ }),
    headers: z.record(z.string(), z.string()).default({}),
    ...range,
  }),
  /** Still pictures, in order; the host holds each under `<id>/<index>`, a grid under the id of its upload. */
  z.strictObject({
    id,
    kind: z.literal('snapshots'),
    files: z.array(fileName).min(1),
    uploads: z.array(uploadId).optional(),
  }),
  /** A moving test pattern that the engine draws itself; every frame carries its number as a bar code. */
  z.strictObject({
    id,
    kind: z.literal('pattern'),
    width: pixels.default(640),
    height: pixels.default(360),
    fps: z.number().positive().max(240).default(30),
    frames: z.int().positive(),
    ...range,
  }),
  /** A synthetic street, rendered by the engine; events carry its truth. The same seed gives the same street. */
  z.strictObject({
    id,
    kind: z.literal('street'),
    seed: z
      .int()
      .min(0)
      .max(2 ** 31 - 1),
    width: pixels.default(960),
    height: pixels.default(540),
    fps: z.number().positive().max(240).default(30),
    frames: z.int().positive(),
    ...range,
  }),
]);

const detectOptions = z.strictObject({
  /** Registry name, or the file name of a model that the host holds. */
  model: z.string().min(1),
  /** Only these classes; all when absent. */
  classes: z.array(z.string().min(1)).min(1).optional(),
  /** 0 to 1, least score of a detection that is reported. */
  minScore: z.number().min(0).max(1).default(0.3),
  /** 0 to 1, boxes of one class that overlap more than this are one object (NMS). */
  iou: z.number().min(0).max(1).default(0.65),
  /** Infer on every Nth frame of the whole source; between them boxes are held, or moved on where they are followed. */
  every: z.int().min(1).default(1),
});

const depthOptions = z.strictObject({
  /** Registry name, or the file name of a model that the host holds. */
  model: z.string().min(1),
  /** Infer on every Nth frame of the whole source; the map is held between. */
  every: z.int().min(1).default(1),
});

const stageSpec = z.discriminatedUnion('kind', [
  z.strictObject({ id, kind: z.literal('detect'), from: id, options: detectOptions }),
  /** Follows the objects of a detect stage: detections get a `track`, and move on over frames not inferred. */
  z.strictObject({ id, kind: z.literal('track'), from: id, options: z.strictObject({}).default({}) }),
  /** Counts who enters, leaves and crosses, of a track stage. */
  z.strictObject({
    id,
    kind: z.literal('zones'),
    from: id,
    options: z.strictObject({ zones: zonesSchema }),
  }),
  /** Estimates how near everything is. */
  z.strictObject({ id, kind: z.literal('depth'), from: id, options: depthOptions }),
  /** Draws what the stages it stands on have found. */
  z.strictObject({
    id,
    kind: z.literal('overlay'),
    from: id,
    options: z.strictObject({ layout: z.enum(LAYOUTS).default('overlay') }).default({ layout: 'overlay' }),
  }),
]);

const size = z.strictObject({ width: pixels, height: pixels });

const outputSpec = z.discriminatedUnion('kind', [
  z.strictObject({
    id,
    from: id,
    kind: z.literal('video'),
    name: fileName,
    container: z.enum(CONTAINERS),
    codec: z.enum(CODECS).optional(),
    /** Bits per second. */
    bitrate: z.int().min(1000).max(1e9).optional(),
    quality: z.enum(QUALITIES).optional(),
    size: size.optional(),
  }),
  z.strictObject({ id, from: id, kind: z.literal('events') }),
  /** Each picture of a `snapshots` source with its drawing, as a picture file of the same type. */
  z.strictObject({ id, from: id, kind: z.literal('frames') }),
  /** The map of each inferred frame of a depth stage as a 16-bit PNG. */
  z.strictObject({ id, from: id, kind: z.literal('depth-maps') }),
]);

/** What a user asks for. The command line's options are sugar for it. */
export const jobSpec = z.strictObject({
  v: z.literal(1),
  sources: z.array(sourceSpec).min(1),
  stages: z.array(stageSpec).default([]),
  outputs: z.array(outputSpec).min(1),
  placement: z
    .strictObject({
      backend: z.enum(BACKENDS).default('auto'),
      /** Least trust of a node that may have any of it. */
      trust: z.enum(TRUSTS).default('untrusted'),
      /** Nodes of this region only. */
      region: nodeLabel.optional(),
      /** Nodes that bear all of these labels only. */
      labels: nodeLabels.default([]),
      /**
       * Encoders of whose class may write the segments of a video: of `one` class, chosen where the video is cut and
       * given up when no node of it is left; of `any`, which H.264, VP8 and VP9 allow; or of the class that is named.
       */
      encoderClass: z.union([z.enum(['one', 'any']), encoderClass]).default('one'),
    })
    .default({ backend: 'auto', trust: 'untrusted', labels: [], encoderClass: 'one' }),
  /** A higher one goes first. */
  priority: z.int().min(-100).max(100).default(0),
  /** A damaged or truncated source fails the job instead of yielding what is whole. */
  strict: z.boolean().default(false),
  /** On a grid: seconds of the segments that a source is cut into, about, for several nodes; whole where it is null. */
  segment: z
    .number()
    .min(LEAST_SEGMENT_SECONDS)
    .max(MOST_SEGMENT_SECONDS)
    .nullable()
    .default(USUAL_SEGMENT_SECONDS),
});

export type JobSpec = z.infer<typeof jobSpec>;
export type SourceSpec = JobSpec['sources'][number];
export type StageSpec = JobSpec['stages'][number];
type Unchained<T> = T extends unknown ? Omit<T, 'id' | 'from'> : never;
/** A stage as it is written where stages stand in a chain, each on the one before, and defaults may be left out. */
export type StageInput = Unchained<z.input<typeof stageSpec>>;
export type OutputSpec = JobSpec['outputs'][number];
export type VideoOutputSpec = Extract<OutputSpec, { kind: 'video' }>;
export type DetectOptions = z.infer<typeof detectOptions>;
export type DepthOptions = z.infer<typeof depthOptions>;
export type Layout = (typeof LAYOUTS)[number];
export type BackendChoice = (typeof BACKENDS)[number];
export type Trust = (typeof TRUSTS)[number];
export type BackendName = Exclude<BackendChoice, 'auto'>;
export type Codec = (typeof CODECS)[number];
export type Container = (typeof CONTAINERS)[number];
export type Quality = (typeof QUALITIES)[number];

/**
 * Reads a job spec from outside.
 * @throws {EdgeRunnerError} `job-invalid`, naming the first field that is wrong; also when a `from` names nothing.
 */
export function parseJobSpec(value: unknown): JobSpec {
  const parsed = jobSpec.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw invalid(`${issue.path.join('.') || 'the job'}: ${issue.message}${given(issue, value)}`);
  }
  const known = new Set(parsed.data.sources.map((source) => source.id));
  for (const node of [...parsed.data.stages, ...parsed.data.outputs]) {
    if (!known.has(node.from)) throw invalid(`"${node.id}" stands on "${node.from}", which does not exist`);
    if ('options' in node) known.add(node.id);
    // What the schema cannot see: polygons that cross themselves, two zones of one name.
    if (node.kind === 'zones') parseZones(node.options.zones);
  }
  return parsed.data;
}

/** Which kind it was that nobody knows. */
function given({ code, path }: z.core.$ZodIssue, value: unknown): string {
  if (code !== 'invalid_union') return '';
  const found = path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | null)?.[key], value);
  return typeof found === 'string' ? `, not "${found.slice(0, 64)}"` : '';
}

const invalid = (what: string) =>
  new EdgeRunnerError(
    'job-invalid',
    `The job is not valid: ${what}.`,
    'Correct that field; docs/job-spec.md lists them all.',
  );
