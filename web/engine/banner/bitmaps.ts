import type { Bitmap } from '../../../kernels/index.ts';
import type { BannerLayer } from '../../../protocol/index.ts';

/** The picture that a banner lies over. */
export interface BannerSize {
  /** px. */
  width: number;
  height: number;
}

/** What sizes below are given for: a picture of 1280×720. Others scale by what fits. */
export const scaleOf = ({ width, height }: BannerSize): number => Math.min(width / 1280, height / 720);

const FONT = 'system-ui, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif';
const font = (weight: number, size: number) => `${weight} ${size}px ${FONT}`;

/** px, of one piece of a long text: canvases and textures end somewhere. */
const WIDEST = 2048;

type Of<K extends BannerLayer['kind']> = Extract<BannerLayer, { kind: K }>;
type Draw = (context: OffscreenCanvasRenderingContext2D) => void;

/**
 * Text is drawn in pixels of the output, so that it is as crisp there as can be. Each on a canvas of its own: one that is
 * drawn on again and again gathers memory (Chromium 156).
 */
function bitmapOf(across: number, down: number, draw: Draw): Bitmap {
  const [width, height] = [Math.max(1, Math.ceil(across)), Math.max(1, Math.ceil(down))];
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!;
  draw(context);
  const { data } = context.getImageData(0, 0, width, height);
  for (let at = 0; at < data.length; at += 4) {
    const alpha = data[at + 3]!;
    if (alpha === 255) continue;
    for (let c = 0; c < 3; c++) data[at + c] = Math.round((data[at + c]! * alpha) / 255);
  }
  return { width, height, data };
}

let measuring: OffscreenCanvasRenderingContext2D | null = null;

function widthOf(text: string, of: string): number {
  measuring ??= new OffscreenCanvas(1, 1).getContext('2d')!;
  measuring.font = of;
  return measuring.measureText(text).width;
}

/** The text, or as much of it as there is room for. */
function fitted(text: string, of: string, room: number): string {
  if (widthOf(text, of) <= room) return text;
  const characters = [...text];
  let [fits, tooLong] = [0, characters.length];
  while (tooLong - fits > 1) {
    const middle = (fits + tooLong) >> 1;
    if (widthOf(`${characters.slice(0, middle).join('')}…`, of) <= room) fits = middle;
    else tooLong = middle;
  }
  return `${characters.slice(0, fits).join('').trimEnd()}…`;
}

/** A name and what it stands for, with a bar at its side. */
export function lowerThirdBitmap(
  { title, subtitle, side, color, background, accent }: Of<'lower-third'>,
  size: BannerSize,
): Bitmap {
  const s = scaleOf(size);
  const [padX, padY, bar, gap] = [22 * s, 14 * s, 8 * s, 4 * s];
  const lines = [
    { text: title, of: font(700, 36 * s), height: 42 * s },
    { text: subtitle, of: font(400, 24 * s), height: 30 * s },
  ].filter(({ text }) => text !== '');
  const room = 0.62 * size.width - 2 * padX - bar;
  const texts = lines.map((line) => ({ ...line, text: fitted(line.text, line.of, room) }));
  const width = Math.max(60 * s, ...texts.map(({ text, of }) => widthOf(text, of))) + 2 * padX + bar;
  const height = texts.reduce(
    (sum, line) => sum + line.height,
    2 * padY + gap * Math.max(0, texts.length - 1),
  );
  return bitmapOf(width, height, (context) => {
    const left = side === 'left';
    context.fillStyle = background;
    context.beginPath();
    context.roundRect(0, 0, width, height, left ? [0, 8 * s, 8 * s, 0] : [8 * s, 0, 0, 8 * s]);
    context.fill();
    context.fillStyle = accent;
    context.fillRect(left ? 0 : width - bar, 0, bar, height);
    context.fillStyle = color;
    context.textBaseline = 'middle';
    context.textAlign = left ? 'left' : 'right';
    let y = padY;
    for (const line of texts) {
      context.font = line.of;
      context.fillText(line.text, left ? bar + padX : width - bar - padX, y + line.height / 2);
      y += line.height + gap;
    }
  });
}

/** px. */
export const tickerHeight = (size: BannerSize): number => Math.round(44 * scaleOf(size));

/** The band that a ticker's text runs over. */
export const tickerBand = ({ background }: Of<'ticker'>, size: BannerSize): Bitmap =>
  bitmapOf(size.width, tickerHeight(size), (context) => {
    context.fillStyle = background;
    context.fillRect(0, 0, size.width, tickerHeight(size));
  });

/** The text of a ticker in pieces that lie side by side. */
export function tickerText({ text, color }: Of<'ticker'>, size: BannerSize): Bitmap[] {
  const s = scaleOf(size);
  const of = font(600, 26 * s);
  const height = tickerHeight(size);
  return piecesOf(text, of).map((piece) =>
    bitmapOf(widthOf(piece, of), height, (context) => {
      context.font = of;
      context.fillStyle = color;
      context.textBaseline = 'middle';
      context.fillText(piece, 0, height / 2);
    }),
  );
}

/** Cut between words where it can be. */
function piecesOf(text: string, of: string): string[] {
  const words =
    text
      .replace(/\s+/g, ' ')
      .trim()
      .match(/[^ ]{1,60} ?/gu) ?? [];
  const pieces: string[] = [];
  for (const word of words) {
    const last = pieces.at(-1);
    if (last !== undefined && widthOf(last + word, of) <= WIDEST) pieces[pieces.length - 1] = last + word;
    else pieces.push(word);
  }
  return pieces;
}

/** Each holds memory that nobody sees, and is asked for with every frame. */
const formats = new Map<string, Intl.DateTimeFormat>();

export function clockWords({ timeZone, seconds, hour12 }: Of<'clock'>, date: Date): string {
  const key = `${timeZone} ${seconds} ${hour12}`;
  let format = formats.get(key);
  if (!format) {
    format = new Intl.DateTimeFormat(hour12 ? 'en-US' : 'en-GB', {
      ...{ hour: '2-digit', minute: '2-digit', hour12 },
      ...(seconds && { second: '2-digit' }),
      ...(timeZone && { timeZone }),
    });
    formats.set(key, format);
  }
  return format.format(date);
}

export function clockBitmap({ color, background }: Of<'clock'>, words: string, size: BannerSize): Bitmap {
  const s = scaleOf(size);
  const of = font(700, 30 * s);
  const [padX, height] = [16 * s, 50 * s];
  // Digits differ in width: the plate stays as wide as the widest would need.
  const width = widthOf(words.replace(/\d/g, '0'), of) + 2 * padX;
  return bitmapOf(width, height, (context) => {
    context.fillStyle = background;
    context.beginPath();
    context.roundRect(0, 0, width, height, 8 * s);
    context.fill();
    Object.assign(context, { font: of, fillStyle: color, textBaseline: 'middle', textAlign: 'center' });
    context.fillText(words, width / 2, height / 2);
  });
}

/** A picture in the width that is wanted of it. @throws when the browser cannot read it */
export async function logoBitmap({ image, width: share }: Of<'logo'>, size: BannerSize): Promise<Bitmap> {
  const picture = await createImageBitmap(await (await fetch(image)).blob());
  try {
    const width = Math.max(1, Math.round(share * size.width));
    const height = Math.min(size.height, Math.max(1, Math.round((width * picture.height) / picture.width)));
    return bitmapOf(width, height, (context) => {
      context.imageSmoothingQuality = 'high';
      context.drawImage(picture, 0, 0, width, height);
    });
  } finally {
    picture.close();
  }
}

/** A rectangle of one colour. */
export const plainBitmap = (width: number, height: number, color: string): Bitmap =>
  bitmapOf(width, height, (context) => {
    context.fillStyle = color;
    context.fillRect(0, 0, width, height);
  });
