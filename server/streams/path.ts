import type { Direction } from '../../protocol/index.ts';

/** Where offers for a stream are posted. */
export const pathOf = ({ id, direction }: { id: string; direction: Direction }): string =>
  `/v1/${direction === 'out' ? 'whep' : 'whip'}/${id}`;
