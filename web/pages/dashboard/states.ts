import type { FarmNode, JobState, JobView } from '../../../protocol/index.ts';

export type Tone = 'good' | 'busy' | 'warn' | 'bad' | 'off';

/** How a thing stands: a colour, and the word for whoever sees none. */
export interface Standing {
  tone: Tone;
  word: string;
}

/** What matters most about a node, in one word. */
export function standingOf({ state, connected, pause, running }: FarmNode): Standing {
  if (state === 'suspended') return { tone: 'bad', word: 'suspended' };
  if (state === 'disabled') return { tone: 'off', word: 'disabled' };
  if (!connected) return { tone: 'off', word: 'away' };
  if (state === 'draining') return { tone: 'warn', word: 'draining' };
  if (pause) return { tone: 'warn', word: `paused: ${PAUSES[pause.code]}` };
  return running > 0 ? { tone: 'busy', word: 'working' } : { tone: 'good', word: 'ready' };
}

const PAUSES = { user: 'by hand', battery: 'battery', thermal: 'too hot', schedule: 'off hours' };

export const JOB_STANDINGS: Record<JobState, Standing> = {
  queued: { tone: 'off', word: 'waiting' },
  running: { tone: 'busy', word: 'running' },
  done: { tone: 'good', word: 'done' },
  failed: { tone: 'bad', word: 'failed' },
  cancelled: { tone: 'warn', word: 'cancelled' },
};

/** One of which nothing is under way waits, however far it is. */
export const standingOfJob = ({ state, tasks }: Pick<JobView, 'state' | 'tasks'>): Standing =>
  JOB_STANDINGS[state === 'running' && tasks.running === 0 ? 'queued' : state];

/** As the attempt's row has it. */
export const ATTEMPT_STANDINGS: Record<string, Standing> = {
  offered: { tone: 'off', word: 'offered' },
  leased: { tone: 'busy', word: 'working' },
  done: { tone: 'good', word: 'done' },
  superseded: { tone: 'off', word: 'another was faster' },
  failed: { tone: 'bad', word: 'failed' },
  expired: { tone: 'bad', word: 'node lost' },
  stalled: { tone: 'bad', word: 'stalled' },
  withdrawn: { tone: 'warn', word: 'not taken' },
  rejected: { tone: 'warn', word: 'turned down' },
  returned: { tone: 'warn', word: 'given back' },
  cancelled: { tone: 'warn', word: 'cancelled' },
};

/** The hottest of what a node measures, degrees Celsius; null where it measures nothing. */
export function hottest({ load }: Pick<FarmNode, 'load'>): number | null {
  const all = [load?.temperature ?? null, ...(load?.gpus.map(({ temperature }) => temperature) ?? [])];
  const known = all.filter((degrees) => degrees !== null);
  return known.length > 0 ? Math.max(...known) : null;
}

/** What a node works with, in a few words. */
export const hardwareOf = ({ device, adapter, cores }: FarmNode): string =>
  device?.gpus[0]?.name ?? adapter ?? `no GPU${cores === null ? '' : `, ${cores} cores`}`;
