import type { LiveStage } from 'edge-runner';
import type { Zone } from '../../../protocol/index.ts';

/** What somebody wants to see of the picture. */
export interface Wishes {
  mode: Mode;
  detect: string;
  depth: string;
  /** 0 to 1. */
  minScore: number;
  /** Names; all when empty. */
  classes: readonly string[];
  zones: readonly Zone[];
}

export const MODES = {
  detect: 'Objects',
  depth: 'Depth',
  both: 'Both',
  'side-by-side': 'Side by side',
  none: 'Nothing',
} as const;
export type Mode = keyof typeof MODES;

export const findsObjects = ({ mode }: Wishes): boolean => mode !== 'depth' && mode !== 'none';
export const estimatesDepth = ({ mode }: Wishes): boolean => mode !== 'detect' && mode !== 'none';

/** The same as the stages of a pipeline. */
export function stagesFor({ mode, detect, depth, minScore, classes, zones }: Wishes): LiveStage[] {
  if (mode === 'none') return [];
  const finds: LiveStage[] = [
    {
      kind: 'detect',
      options: { model: detect, minScore, ...(classes.length > 0 && { classes: [...classes] }) },
    },
    { kind: 'track' },
  ];
  if (zones.length > 0) finds.push({ kind: 'zones', options: { zones: [...zones] } });
  const estimates: LiveStage = { kind: 'depth', options: { model: depth } };
  switch (mode) {
    case 'detect':
      return [...finds, { kind: 'overlay' }];
    case 'depth':
      return [estimates, { kind: 'overlay', options: { layout: 'depth' } }];
    case 'both':
      return [...finds, estimates, { kind: 'overlay' }];
    case 'side-by-side':
      return [...finds, estimates, { kind: 'overlay', options: { layout: 'side-by-side' } }];
  }
}
