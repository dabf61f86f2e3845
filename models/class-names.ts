import COCO_80 from './classes/coco-80.json' with { type: 'json' };
import STREET_6 from './classes/street-6.json' with { type: 'json' };
import type { OnnxHeader } from './onnx-header.ts';

/** Class lists that the registry names. */
export const CLASS_LISTS: Record<'coco-80' | 'street-6', readonly string[]> = {
  'coco-80': COCO_80,
  'street-6': STREET_6,
};

/**
 * Names for a model's classes: the exporter's own (`names` in the metadata), else COCO's where there are 80, else
 * `class-0`, `class-1`, …
 */
export function classNames(header: OnnxHeader, count: number): string[] {
  const own = exportedNames(header);
  if (own?.length === count) return own;
  if (count === COCO_80.length) return [...COCO_80];
  return Array.from({ length: count }, (_, index) => `class-${index}`);
}

/** The exporter's own list; null where there is none, or none that can be read. */
export function exportedNames(header: OnnxHeader): string[] | null {
  const text = header.metadata.get('names');
  return text === undefined ? null : parseNames(text);
}

/**
 * Reads a list as Python prints it, `{0: 'person', 1: "bird's nest"}` or `['person', 'car']`; JSON is read as well.
 * Keys must count from 0 without a gap, in any order.
 * @returns null for anything else.
 */
export function parseNames(text: string): string[] | null {
  const body = /^\s*([{[])([\s\S]*)[}\]]\s*$/.exec(text);
  if (!body) return null;
  const keyed = body[1] === '{';
  const names: string[] = [];
  let found = 0;
  // Sticky, so that one pass over the text either reads all of it or stops at the first thing it does not know.
  const item = keyed ? KEYED_ITEM : LISTED_ITEM;
  item.lastIndex = 0;
  const list = body[2]!.trimEnd();
  while (item.lastIndex < list.length) {
    const match = item.exec(list);
    if (!match || found >= MAX_CLASSES) return null;
    const index = keyed ? Number(match[1]) : found;
    if (index >= MAX_CLASSES || names[index] !== undefined) return null;
    names[index] = unescapeName(match[2] ?? match[3]!);
    found++;
  }
  return found > 0 && names.length === found ? names : null;
}

const MAX_CLASSES = 100_000;
const QUOTED = `(?:'((?:[^'\\\\]|\\\\.)*)'|"((?:[^"\\\\]|\\\\.)*)")`;
const KEYED_ITEM = new RegExp(`\\s*["']?(\\d{1,6})["']?\\s*:\\s*${QUOTED}\\s*(?:,|$)`, 'y');
const LISTED_ITEM = new RegExp(`\\s*()${QUOTED}\\s*(?:,|$)`, 'y');

/** Escapes that Python and JSON share, and `\x41`. Control characters would garble a terminal: they become spaces. */
const unescapeName = (text: string): string =>
  text
    .replace(/\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))/g, (_, u?: string, x?: string, plain?: string) =>
      plain === undefined ? String.fromCharCode(Number.parseInt((u ?? x)!, 16)) : plain,
    )
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    .replace(/[\u0000-\u001f\u007f]/g, ' ');
