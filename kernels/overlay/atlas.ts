import { ATLAS_BASE64, ATLAS_CELL } from './atlas-data.ts';

export const FIRST_GLYPH = 32;
export const GLYPH_COUNT = 95;

/** Glyphs at their final size: cells of printable ASCII one after another, rows top to bottom, coverage 0–255. */
export interface GlyphAtlas {
  cellWidth: number;
  cellHeight: number;
  coverage: Uint8Array;
}

/** Width of a cell `lineHeight` px tall. */
export const cellWidthOf = (lineHeight: number): number =>
  Math.max(1, Math.round((lineHeight * ATLAS_CELL.width) / ATLAS_CELL.height));

/** The embedded atlas scaled by area averages. Done once a stream, so that drawing copies pixels one to one. */
export function scaleAtlas(lineHeight: number): GlyphAtlas {
  const source = unpack();
  const cellWidth = cellWidthOf(lineHeight);
  const across = spans(ATLAS_CELL.width, cellWidth);
  const down = spans(ATLAS_CELL.height, lineHeight);
  const coverage = new Uint8Array(GLYPH_COUNT * cellWidth * lineHeight);
  let at = 0;
  for (let glyph = 0; glyph < GLYPH_COUNT; glyph++) {
    const cell = glyph * ATLAS_CELL.width * ATLAS_CELL.height;
    for (const rows of down) {
      for (const columns of across) {
        let sum = 0;
        for (const [y, shareY] of rows) {
          for (const [x, shareX] of columns)
            sum += source[cell + y * ATLAS_CELL.width + x]! * shareX * shareY;
        }
        coverage[at++] = Math.round(sum);
      }
    }
  }
  return { cellWidth, cellHeight: lineHeight, coverage };
}

/** Index of a character's cell. What the atlas lacks is shown as a question mark. */
export function glyphOf(character: string): number {
  const code = character.codePointAt(0)! - FIRST_GLYPH;
  return code >= 0 && code < GLYPH_COUNT ? code : 63 - FIRST_GLYPH;
}

/** A text as cells, one per character (not per UTF-16 unit). */
export const glyphsOf = (text: string): number[] => Array.from(text, glyphOf);

function unpack(): Uint8Array {
  const packed = atob(ATLAS_BASE64);
  const coverage = new Uint8Array(packed.length * 2);
  for (let i = 0; i < packed.length; i++) {
    const byte = packed.charCodeAt(i);
    coverage[2 * i] = (byte >> 4) * 17;
    coverage[2 * i + 1] = (byte & 15) * 17;
  }
  return coverage;
}

/** For each of `to` pixels: which of `from` pixels it covers, and by what share of itself. */
function spans(from: number, to: number): [index: number, share: number][][] {
  const scale = from / to;
  return Array.from({ length: to }, (_, i) => {
    const [start, end] = [i * scale, (i + 1) * scale];
    const span: [number, number][] = [];
    for (let index = Math.floor(start); index < Math.min(from, Math.ceil(end)); index++) {
      const overlap = Math.min(end, index + 1) - Math.max(start, index);
      if (overlap > 0) span.push([index, overlap / scale]);
    }
    return span;
  });
}
