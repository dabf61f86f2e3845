import { createHash } from 'node:crypto';
import { type Capable, speedOf, type TaskNeeds } from './needs.ts';

/** What a strategy sees of a node that could take a task. */
export interface Contender extends Capable {
  id: string;
  slots: number;
  /** Attempts that it holds now. */
  busy: number;
  /** Failures since the last success. */
  failures: number;
  /** Milliseconds there and back, as last measured. */
  roundTripMs: number;
}

/** Chooses among nodes that all could; none is empty. */
export type Strategy = (
  contenders: readonly Contender[],
  task: { job: string; needs: TaskNeeds },
) => Contender;

/** The best by a score; of equals the one that has least to do. */
function best(contenders: readonly Contender[], score: (node: Contender) => number): Contender {
  let [first] = contenders as [Contender];
  let most = score(first);
  for (const node of contenders) {
    const its = score(node);
    if (its > most || (its === most && share(node) < share(first))) [first, most] = [node, its];
  }
  return first;
}

const share = ({ busy, slots }: Contender) => busy / slots;

/** Nobody has measured it yet: taken for slow, but not for useless, so that it comes to be measured. */
const UNKNOWN_FPS = 1;

export const STRATEGIES = {
  /** Most frames a second of such work; what failed lately counts for less, and so does what is far away. */
  fastest: (contenders, { needs }) =>
    best(contenders, (node) => {
      const fps = speedOf(node, needs) ?? UNKNOWN_FPS;
      return fps / ((1 + node.failures) * (1 + node.roundTripMs / 1000) * (1 + share(node)));
    }),
  'least-loaded': (contenders) => best(contenders, (node) => -share(node)),
  'round-robin': roundRobin(),
  /** Tasks of one job go to the same node while it is free: rendezvous hashing. */
  'consistent-hash': (contenders, { job }) =>
    best(contenders, ({ id }) => createHash('sha256').update(`${job}\n${id}`).digest().readUIntBE(0, 6)),
} satisfies Record<string, Strategy>;
export type StrategyName = keyof typeof STRATEGIES;
export const STRATEGY_NAMES = Object.keys(STRATEGIES) as StrategyName[];

function roundRobin(): Strategy {
  const turns = new WeakMap<Contender, number>();
  let turn = 0;
  return (contenders) => {
    const next = best(contenders, (node) => -(turns.get(node) ?? 0));
    turns.set(next, ++turn);
    return next;
  };
}
