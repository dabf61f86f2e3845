import type {
  LoadReport,
  NodeHold,
  PauseReason,
  Segment,
  ToNode,
  WrittenFile,
} from '../../protocol/index.ts';
import type { TaskKind } from '../store/jobs.ts';
import type { NodeRow } from '../store/nodes.ts';
import { type Pace, passOf } from './last-segments.ts';
import type { Contender } from './strategies.ts';

/** An attempt in the hands of a node that is connected here. */
export interface HeldAttempt {
  attempt: string;
  lease: string;
  task: string;
  job: string;
  tenant: string;
  kind: TaskKind;
  source: string;
  segment: Segment | null;
  state: 'offered' | 'leased';
  /** When it was offered, or came back with its node, by `performance.now()`. */
  since: number;
  /** Its node is yet to have done what came before it. */
  waits?: boolean;
  /** Of the last word of progress. */
  seq: number;
  /** Of its result, as far as this connection has named them; none until then. */
  files?: WrittenFile[];
  /** How many words of the engine this connection has passed on. */
  words?: number;
}

/** A node that is connected to this server. Its row is the authority; this is what it said last. */
export class ConnectedNode implements Contender {
  row: NodeRow;
  /** Of this connection. */
  readonly session: string;
  /** Segments that it prepares beyond its slots. */
  readonly ahead: number;
  readonly held = new Map<string, HeldAttempt>();
  /** It said itself that it takes no more. */
  leaving = false;
  /** It said itself that it takes none for a while. */
  pause: PauseReason | null;
  /** What it said of itself last. */
  load: LoadReport | null = null;
  failures = 0;
  roundTripMs = 0;
  pace: Pace | null = null;
  readonly send: (message: ToNode) => void;
  /** Ends the connection. @param code of the WebSocket's close. */
  readonly end: (code: number, why: string) => void;

  constructor(
    row: NodeRow,
    session: string,
    ahead: number,
    link: { send(message: ToNode): void; end(code: number, why: string): void },
  ) {
    this.row = row;
    this.session = session;
    this.ahead = ahead;
    this.failures = row.failures;
    this.pause = row.pause;
    this.send = (message) => link.send(message);
    this.end = (code, why) => link.end(code, why);
  }

  get id() {
    return this.row.id;
  }
  get tenant() {
    return this.row.tenant;
  }
  get operator() {
    return this.row.operator;
  }
  get trust() {
    return this.row.trust;
  }
  get region() {
    return this.row.region;
  }
  get labels() {
    return this.row.labels;
  }
  get capabilities() {
    return this.row.capabilities;
  }
  get speeds() {
    return this.row.speeds;
  }
  get slots() {
    return this.row.slots;
  }
  get busy() {
    return this.held.size;
  }

  /** It has done what it had: the next segment of the same will take it as long. */
  did({ job, source, kind, segment, since }: HeldAttempt): void {
    if (!segment) return;
    const now = performance.now();
    const seconds = (now - since) / 1000;
    const next = [...this.held.values()].find(({ waits }) => waits);
    if (next) Object.assign(next, { since: now, waits: false });
    this.pace = { pass: passOf({ job, source, kind }), secondsPerFrame: seconds / segment.frames };
  }

  /** Why it is given nothing; null where it may be. */
  get hold(): NodeHold | null {
    const { state, reason, suspended_until } = this.row;
    if (state === 'active') return null;
    return { state, reason: reason?.slice(0, 512) ?? null, until: suspended_until?.toISOString() ?? null };
  }

  /** Whether it takes work, now or when it has done what it has. */
  get takesWork(): boolean {
    return this.row.state === 'active' && !this.leaving && !this.pause;
  }

  /** Whether it may be offered something now. */
  get isFree(): boolean {
    return this.takesWork && this.held.size < this.row.slots;
  }

  /** Whether it may be offered another segment like the ones that it is at, to prepare it. */
  get mayPrepare(): boolean {
    const { size } = this.held;
    return this.takesWork && this.pace !== null && size >= this.slots && size < this.slots + this.ahead;
  }
}

/** The nodes that are connected to this server. */
export class Fleet {
  readonly #nodes = new Map<string, ConnectedNode>();

  get(id: string): ConnectedNode | undefined {
    return this.#nodes.get(id);
  }

  all(): Iterable<ConnectedNode> {
    return this.#nodes.values();
  }

  get size(): number {
    return this.#nodes.size;
  }

  free(): ConnectedNode[] {
    return [...this.#nodes.values()].filter((node) => node.isFree);
  }

  /** Those that are busy, and may be given a segment ahead. */
  preparing(): ConnectedNode[] {
    return [...this.#nodes.values()].filter((node) => node.mayPrepare);
  }

  /** @returns the connection that spoke for the same node before, if there is one. */
  add(node: ConnectedNode): ConnectedNode | undefined {
    const before = this.#nodes.get(node.id);
    this.#nodes.set(node.id, node);
    return before;
  }

  /** Nothing where a newer connection speaks for the node. @returns whether it was this one that did. */
  remove(node: ConnectedNode): boolean {
    if (this.#nodes.get(node.id) !== node) return false;
    this.#nodes.delete(node.id);
    return true;
  }
}
