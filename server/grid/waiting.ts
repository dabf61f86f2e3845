import { OF_SERVER } from '../store/claims.ts';
import type { Queries } from '../store/database.ts';
import { connectedNodes, type NodeRow } from '../store/nodes.ts';
import { nameOfClass } from './encoder-classes.ts';
import { canDo, type TaskNeeds } from './needs.ts';

/** Milliseconds that a look at the nodes is good for: thousands may wait at a time. */
const LOOK = 1_000;

/** Why jobs wait, in words for whoever waits for them. */
export class Waiting {
  readonly #db: Queries;
  #nodes: Promise<NodeRow[]> = Promise.resolve([]);
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(db: Queries) {
    this.#db = db;
  }

  /** Of a job of which nothing is under way. @returns null when one of its tasks may begin at any moment. */
  async why(job: string): Promise<string | null> {
    const queued = await this.#db.query<{ needs: TaskNeeds; seconds: number | null }>(
      `SELECT needs, extract(epoch FROM min(coalesce(wait_until, now())) - now())::int AS seconds FROM task
       WHERE job = $1 AND state = 'queued' AND needs_key <> $2 GROUP BY needs`,
      // What servers do themselves waits for no node.
      [job, OF_SERVER],
    );
    if (queued.length === 0) return null;
    const rest = Math.min(...queued.map(({ seconds }) => seconds ?? 0));
    if (rest > 0) return `the last try failed; the next one is in ${rest} s`;
    if (performance.now() - this.#lookedAt > LOOK) {
      this.#lookedAt = performance.now();
      this.#nodes = connectedNodes(this.#db);
    }
    const nodes = await this.#nodes;
    const reasons = queued.map(({ needs }) => whyNot(nodes, needs));
    return reasons.includes(null) ? null : reasons[0]!;
  }
}

function whyNot(nodes: readonly NodeRow[], needs: TaskNeeds): string | null {
  const own = nodes.filter(({ tenant, operator }) => tenant === needs.tenant || operator);
  if (own.length === 0) return 'no node is connected';
  const able = own.filter((node) => canDo(node, needs));
  if (able.length === 0)
    return `none of ${own.length === 1 ? 'the 1 node that is connected' : `the ${own.length} nodes that are connected`} ${lacking(own, needs)}`;
  if (able.some(({ state, pause }) => state === 'active' && !pause)) return null;
  const states = [...new Set(able.map(({ state, pause }) => (pause ? 'paused' : state)))].join(' or ');
  return `${able.length === 1 ? 'the node that could do it is' : `all ${able.length} nodes that could do it are`} ${states}`;
}

/** The first of its needs that no node has. */
function lacking(nodes: readonly NodeRow[], needs: TaskNeeds): string {
  const { trust, region, labels, backend, encode, encoderClass } = needs;
  const open: TaskNeeds = {
    ...needs,
    trust: 'untrusted',
    region: null,
    labels: [],
    backend: 'auto',
    encode: null,
    encoderClass: null,
  };
  const some = (wanted: Partial<TaskNeeds>) => nodes.some((node) => canDo(node, { ...open, ...wanted }));
  if (!some({ trust })) return 'is trusted';
  if (!some({ region })) return `is in region ${region}`;
  const label = labels.find((one) => !some({ labels: [one] }));
  if (label !== undefined) return `has label ${label}`;
  if (!some({ backend })) return `has a GPU for backend ${backend}`;
  if (!some({ encode })) return `encodes ${encode}`;
  if (!some({ encode, encoderClass })) return `has ${nameOfClass(needs)}`;
  return 'has all that it needs at once';
}
