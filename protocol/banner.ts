import { z } from 'zod';
import { EdgeRunnerError } from './errors.ts';

/** `#rrggbb`, or `#rrggbbaa` for one that lets the picture through. */
const color = z.string().regex(/^#[0-9a-f]{6}([0-9a-f]{2})?$/i, 'a colour such as #0b5fc4 or #0b5fc4cc');

/** What can be written into a picture: neither control characters nor halves of one. */
const text = (most: number) =>
  z
    .string()
    .max(most)
    .regex(/^(?:[^\p{Cc}\p{Cs}]|[\t\n\r])*$/u, 'text without control characters');

/** Bytes of a banner as JSON, at most: all of it goes through one message. */
export const MOST_BANNER = 768 << 10;
/** Of one picture's data address. */
const MOST_LOGO_CHARACTERS = 512 << 10;

const common = {
  /** Names the layer for whoever changes it. */
  id: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,31}$/i, 'letters, digits, - and _, at most 32'),
  /** Whether it is in the picture; going from one to the other takes the time of its animation. */
  shown: z.boolean().default(true),
  animation: z.enum(['slide', 'fade', 'none']).default('fade'),
};

export const CORNERS = ['top-left', 'top-right', 'bottom-left', 'bottom-right'] as const;
const corner = z.enum(CORNERS);

/** Shares of the picture's width that a layer may take. */
export const LAYER_WIDTHS = {
  logo: { min: 0.02, max: 0.5 },
  'picture-in-picture': { min: 0.05, max: 0.6 },
} as const;
const widthOf = ({ min, max }: { min: number; max: number }) => z.number().min(min).max(max);

const lowerThird = z.strictObject({
  ...common,
  kind: z.literal('lower-third'),
  title: text(200).default(''),
  subtitle: text(200).default(''),
  side: z.enum(['left', 'right']).default('left'),
  color: color.default('#ffffff'),
  background: color.default('#0b1220e6'),
  /** Of the bar at its side. */
  accent: color.default('#0b5fc4'),
});

const logo = z.strictObject({
  ...common,
  kind: z.literal('logo'),
  /** PNG, JPEG or WebP as a `data:` address: nothing is fetched for a banner. */
  image: z
    .string()
    .max(MOST_LOGO_CHARACTERS, 'at most 512 KiB as a data address')
    .regex(/^data:image\/(png|jpeg|webp)[;,][!-~]*$/, 'a data address of a PNG, JPEG or WebP'),
  corner: corner.default('top-right'),
  /** Share of the picture's width. */
  width: widthOf(LAYER_WIDTHS.logo).default(0.12),
  opacity: z.number().min(0).max(1).default(1),
});

const ticker = z.strictObject({
  ...common,
  kind: z.literal('ticker'),
  text: text(4000).default(''),
  /** Shares of the picture's width a second, from right to left. */
  speed: z.number().min(0.01).max(1).default(0.08),
  edge: z.enum(['top', 'bottom']).default('bottom'),
  color: color.default('#ffffff'),
  background: color.default('#b3261ee6'),
});

const clock = z.strictObject({
  ...common,
  kind: z.literal('clock'),
  corner: corner.default('top-left'),
  /** Of the IANA database; that of the machine where it is absent. */
  timeZone: z.string().max(64).refine(isTimeZone, 'a time zone such as Europe/Zurich').optional(),
  seconds: z.boolean().default(true),
  hour12: z.boolean().default(false),
  color: color.default('#ffffff'),
  background: color.default('#0b1220b3'),
});

/** A second picture over the first; whose it is, the page that composes says. */
const pictureInPicture = z.strictObject({
  ...common,
  kind: z.literal('picture-in-picture'),
  corner: corner.default('bottom-right'),
  /** Share of the picture's width. */
  width: widthOf(LAYER_WIDTHS['picture-in-picture']).default(0.25),
  /** Of the frame around it. */
  border: color.default('#ffffff'),
});

export const bannerLayer = z.discriminatedUnion('kind', [lowerThird, logo, ticker, clock, pictureInPicture]);

/** What lies over a picture, the first undermost. */
export const bannerState = z.strictObject({
  v: z.literal(1).default(1),
  layers: z.array(bannerLayer).max(16, 'at most 16 layers'),
});

export type BannerLayer = z.infer<typeof bannerLayer>;
export type BannerState = z.infer<typeof bannerState>;
/** As somebody writes it, defaults left out. */
export type BannerInput = z.input<typeof bannerState>;
export type Corner = z.infer<typeof corner>;

/**
 * Reads a banner from outside.
 * @throws {EdgeRunnerError} `banner-invalid`
 */
export function parseBanner(value: unknown): BannerState {
  const read = bannerState.safeParse(value);
  if (!read.success) {
    const [issue] = read.error.issues;
    const at = issue!.path.length > 0 ? `${issue!.path.join('.')}: ` : '';
    throw invalid(`${at}${issue!.message}`);
  }
  const ids = read.data.layers.map(({ id }) => id);
  const twice = ids.find((id, i) => ids.indexOf(id) !== i);
  if (twice !== undefined) throw invalid(`two layers are called "${twice}"`);
  if (new TextEncoder().encode(JSON.stringify(read.data)).length > MOST_BANNER)
    throw new EdgeRunnerError(
      'banner-invalid',
      `A banner has at most ${MOST_BANNER >> 10} KiB.`,
      'Make its pictures smaller.',
    );
  return read.data;
}

const invalid = (what: string) =>
  new EdgeRunnerError(
    'banner-invalid',
    `This is no banner: ${what}.`,
    'docs/live.md shows what a banner may have.',
  );

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
