import { CLASS_COLORS } from '../../kernels/index.ts';
import { STREET_CLASSES } from '../../models/street/index.ts';
import { selfContained } from '../reporting/self-contained.ts';
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
  const objects = page.objects.map((one) => ({ ...one, color: colorOf(one.name) }));
  return selfContained(template, 'page', { ...page, objects });
}

/** The colour of the class's boxes. */
const colorOf = (name: string): string =>
  `rgb(${CLASS_COLORS[Math.max(0, (STREET_CLASSES as readonly string[]).indexOf(name)) % CLASS_COLORS.length]!.join()})`;
