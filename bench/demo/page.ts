import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { CLASS_COLORS } from '../../kernels/index.ts';
import { STREET_CLASSES } from '../../models/street/index.ts';
import template from './page.html?raw';

export interface DemoPage {
  /** Address of the video, as the page sees it. */
  video: string;
  facts: { what: string; value: string }[];
  /** Seconds of the frames; everything below has one value a frame. */
  times: number[];
  objects: { name: string; counts: number[] }[];
  depth: Record<'p2' | 'p50' | 'p98', (number | null)[]>;
  /** Milliseconds a frame. */
  stages: { name: string; mean: number; p95: number }[];
}

/** One file that needs no other but the video. */
export function pageOf(page: DemoPage): string {
  const packages = createRequire(import.meta.url);
  const chart = (file: string) => readFileSync(packages.resolve(`uplot/dist/${file}`), 'utf8');
  const objects = page.objects.map((one) => ({ ...one, color: colorOf(one.name) }));
  // A script ends where "</" stands, inside of strings too.
  const data = JSON.stringify({ ...page, objects }).replaceAll('<', '\\u003c');
  const parts: Record<string, string> = {
    '/* uPlot.css */': chart('uPlot.min.css'),
    '/* uPlot.js */': chart('uPlot.iife.min.js'),
    '/* data */': `const page = ${data};`,
  };
  return template.replace(/\/\* (uPlot\.css|uPlot\.js|data) \*\//g, (mark) => parts[mark]!);
}

/** The colour of the class's boxes. */
const colorOf = (name: string): string =>
  `rgb(${CLASS_COLORS[Math.max(0, (STREET_CLASSES as readonly string[]).indexOf(name)) % CLASS_COLORS.length]!.join()})`;
