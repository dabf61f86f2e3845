/**
 * Renders atlas-data.ts: printable ASCII of DejaVu Sans Mono Bold as one coverage picture, 4 bits a pixel.
 * Needs the font installed and a Chromium (EDGE_RUNNER_BROWSER names another than /usr/bin/chromium).
 *
 *   node kernels/overlay/make-atlas.mjs
 */
import { writeFile } from 'node:fs/promises';
import { chromium } from 'playwright';

const CELL = { width: 22, height: 38 };
const FONT = '36.5px "DejaVu Sans Mono"'; // its advance is 0.602 em: 22 px

const browser = await chromium.launch({
  executablePath: process.env.EDGE_RUNNER_BROWSER ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--font-render-hinting=none'],
});
const page = await browser.newPage();
const coverage = await page.evaluate(
  ({ width, height, font }) => {
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext('2d', { willReadFrequently: true });
    const bytes = [];
    for (let code = 32; code < 127; code++) {
      context.clearRect(0, 0, width, height);
      context.font = `bold ${font}`;
      context.textAlign = 'center';
      context.textBaseline = 'alphabetic';
      // 29 of 38 rows above the baseline: brackets reach 28, the descenders of g and j need 8.
      context.fillText(String.fromCharCode(code), width / 2, 29);
      const { data } = context.getImageData(0, 0, width, height);
      for (let i = 3; i < data.length; i += 4) bytes.push(data[i]);
    }
    return bytes;
  },
  { ...CELL, font: FONT },
);
await browser.close();

const packed = Buffer.alloc(coverage.length / 2);
for (let i = 0; i < packed.length; i++) {
  const nibble = (value) => Math.round((value * 15) / 255);
  packed[i] = (nibble(coverage[2 * i]) << 4) | nibble(coverage[2 * i + 1]);
}
await writeFile(
  new URL('./atlas-data.ts', import.meta.url),
  `/**
 * Made by make-atlas.mjs. Glyphs of DejaVu Sans Mono Bold, which is free to embed and to change (Bitstream Vera
 * licence, © Bitstream, Inc.; DejaVu changes are in the public domain). Printable ASCII from space to ~, one cell
 * after another, rows top to bottom, 4 bits of coverage a pixel, the left pixel in the high bits, base64.
 */
export const ATLAS_CELL = { width: ${CELL.width}, height: ${CELL.height} };

export const ATLAS_BASE64 =
  '${packed.toString('base64')}';
`,
);
