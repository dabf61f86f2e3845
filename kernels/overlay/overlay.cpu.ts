import { rgbToSamples } from '../color.ts';
import { type Picture, type Plane, subsampled } from '../picture.ts';
import { type GlyphAtlas, glyphsOf, scaleAtlas } from './atlas.ts';
import { layoutBox, type Rect } from './layout.ts';
import { classColor, type OverlayStyle, overlayStyle, type Rgb, textColor } from './style.ts';

/** One box to draw. */
export interface OverlayItem {
  /** x, y, width, height in px of the picture that is drawn on. */
  box: readonly [number, number, number, number];
  classId: number;
  label: string;
}

/** What stands in a label: the class, the number of its track where it has one, and its score with two digits. */
export const labelOf = (className: string, score: number, track?: number): string =>
  `${className}${track ? ` #${track % 10 ** TRACK_DIGITS}` : ''} ${score.toFixed(2)}`;

/** Most digits that are shown of a track's number. */
export const TRACK_DIGITS = 6;

/**
 * Paints boxes and labels straight into the planes of upright pictures of one size, whatever their format. On a
 * subsampled plane a colour is mixed in by the share of the sample that it covers.
 */
export class OverlayCpu {
  readonly style: OverlayStyle;
  readonly #width: number;
  readonly #height: number;
  readonly #atlas: GlyphAtlas;
  #paints: ReturnType<typeof paintTable> | undefined;
  #paintsFor = '';

  /** @param width, height of the pictures, px. */
  constructor(width: number, height: number) {
    this.style = overlayStyle(width, height);
    this.#width = width;
    this.#height = height;
    this.#atlas = scaleAtlas(this.style.cellHeight);
  }

  /**
   * Draws in the given order, so the last lies on top: give the lowest score first.
   * @throws {RangeError} when the picture is not of the size this was made for.
   */
  draw(picture: Picture, items: readonly OverlayItem[]): void {
    if (picture.width !== this.#width || picture.height !== this.#height) {
      throw new RangeError(`made for ${this.#width}×${this.#height}, got ${picture.width}×${picture.height}`);
    }
    const paintOf = this.#paintsOf(picture);
    for (const { box, classId, label } of items) {
      const glyphs = glyphsOf(label);
      const layout = layoutBox(box, glyphs.length, this.style, this.#width, this.#height);
      const { fill, text } = paintOf(classId);
      for (let index = 0; index < 3; index++) {
        const canvas = { plane: picture.planes[index]!, width: this.#width, height: this.#height };
        for (const edge of layout.edges) fillRect(canvas, edge, fill[index]!);
        fillRect(canvas, layout.label, fill[index]!);
        for (let i = 0; i < layout.characters; i++) {
          const x = layout.textX + i * this.style.cellWidth;
          drawGlyph(canvas, this.#atlas, glyphs[i]!, x, layout.textY, text[index]!);
        }
      }
    }
  }

  /** Colours as samples of this kind of picture; made anew only when the kind changes. */
  #paintsOf({ color, bits }: Picture): ReturnType<typeof paintTable> {
    const kind = `${color.matrix} ${color.fullRange} ${bits}`;
    if (!this.#paints || kind !== this.#paintsFor) {
      const matrix = rgbToSamples(color, bits);
      this.#paints = paintTable((rgb) => toSamples(rgb, matrix, bits));
      this.#paintsFor = kind;
    }
    return this.#paints;
  }
}

interface Canvas {
  plane: Plane;
  /** Of the picture, luma px. */
  width: number;
  height: number;
}

function paintTable(convert: (rgb: Rgb) => number[]) {
  const known = new Map<number, { fill: number[]; text: number[] }>();
  return (classId: number) => {
    let paint = known.get(classId);
    if (!paint) {
      const color = classColor(classId);
      paint = { fill: convert(color), text: convert(textColor(color)) };
      known.set(classId, paint);
    }
    return paint;
  };
}

function toSamples([red, green, blue]: Rgb, m: Float64Array, bits: number): number[] {
  const max = 2 ** bits - 1;
  return [0, 4, 8].map((row) => {
    const value = m[row]! * red + m[row + 1]! * green + m[row + 2]! * blue + m[row + 3]!;
    return Math.min(max, Math.max(0, Math.round(value)));
  });
}

function fillRect({ plane, width, height }: Canvas, rect: Rect, value: number): void {
  if (rect.right <= rect.left || rect.bottom <= rect.top) return;
  const { data, offset, stride, step, subX, subY } = plane;
  const firstX = rect.left >> subX;
  const lastX = subsampled(rect.right, subX);
  const lastY = subsampled(rect.bottom, subY);
  // Only the first and the last sample of a row can be covered in part.
  const shareFirst = covered(firstX, subX, rect.left, rect.right, width);
  const shareLast = covered(lastX - 1, subX, rect.left, rect.right, width);
  for (let y = rect.top >> subY; y < lastY; y++) {
    const share = covered(y, subY, rect.top, rect.bottom, height);
    const row = offset + y * stride;
    let from = row + firstX * step;
    let to = row + lastX * step;
    if (shareFirst < 1) {
      data[from] = mix(data[from]!, value, share * shareFirst);
      from += step;
    }
    if (shareLast < 1 && to > from) {
      to -= step;
      data[to] = mix(data[to]!, value, share * shareLast);
    }
    if (share < 1) for (let at = from; at < to; at += step) data[at] = mix(data[at]!, value, share);
    else if (step === 1 && to > from) data.fill(value, from, to);
    else for (let at = from; at < to; at += step) data[at] = value;
  }
}

/** Share of a sample's pixels, of those inside the picture, that lie in [from, to). */
function covered(index: number, sub: 0 | 1, from: number, to: number, size: number): number {
  if (sub === 0) return 1;
  const start = 2 * index;
  const end = Math.min(size, start + 2);
  return (Math.min(end, to) - Math.max(start, from)) / (end - start);
}

function drawGlyph(
  { plane, width, height }: Canvas,
  { cellWidth, cellHeight, coverage }: GlyphAtlas,
  glyph: number,
  left: number,
  top: number,
  value: number,
): void {
  const { data, offset, stride, step, subX, subY } = plane;
  const right = Math.min(width, left + cellWidth);
  const bottom = Math.min(height, top + cellHeight);
  const cell = glyph * cellWidth * cellHeight;
  const lastX = subsampled(right, subX);
  const lastY = subsampled(bottom, subY);
  for (let y = top >> subY; y < lastY; y++) {
    const [y0, y1] = [y << subY, Math.min(height, (y + 1) << subY)];
    const [fromY, toY] = [Math.max(y0, top), Math.min(y1, bottom)];
    for (let x = left >> subX; x < lastX; x++) {
      const x0 = x << subX;
      const x1 = Math.min(width, (x + 1) << subX);
      const fromX = Math.max(x0, left);
      const toX = Math.min(x1, right);
      let sum = 0;
      for (let py = fromY; py < toY; py++) {
        const row = cell + (py - top) * cellWidth - left;
        for (let px = fromX; px < toX; px++) sum += coverage[row + px]!;
      }
      if (sum === 0) continue;
      const at = offset + y * stride + x * step;
      data[at] = mix(data[at]!, value, sum / (255 * (x1 - x0) * (y1 - y0)));
    }
  }
}

const mix = (under: number, over: number, share: number): number =>
  Math.floor(under + (over - under) * share + 0.5);
