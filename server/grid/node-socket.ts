import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { WebSocket } from 'ws';
import {
  EdgeRunnerError,
  type FromNode,
  fromNode,
  isOfNode,
  isRevoked,
  LEAST_NODE_PROTOCOL,
  MOST_FILES_IN_ALL,
  type ToNode,
} from '../../protocol/index.ts';
import type { Admit } from '../api/request-limits.ts';
import type { Metrics } from '../metrics.ts';
import { parsePlain } from '../net/json.ts';
import { LiveSocket } from '../net/live-socket.ts';
import type { ConnectedNode } from './fleet.ts';
import type { Grid, Hello } from './grid.ts';
import type { Intervals } from './intervals.ts';

/** Messages that no schema knows, after which the connection is ended. */
const MOST_REFUSED = 20;
/** Between two words of progress of any nodes: each of thousands says less often how far it is, milliseconds. */
const PROGRESS_EACH_MS = 2;

export interface NodeSocketOptions {
  grid: Grid;
  intervals: Intervals;
  metrics: Metrics;
  log: Logger;
  admit: Admit;
  /** Whether this connection may speak for a headless node: it has the certificate that they must have, if they must. */
  mayBeHeadless: boolean;
}

/** One connection of a node: its messages in the order in which they came, each read by its schema first. */
export class NodeSocket {
  readonly #socket: LiveSocket<ToNode>;
  readonly #options: NodeSocketOptions;
  #node: ConnectedNode | null = null;
  #log: Logger;
  #refused = 0;

  constructor(socket: WebSocket, options: NodeSocketOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#socket = new LiveSocket(socket, {
      pingMs: options.intervals.pingMs,
      receive: (text) => this.#receive(text),
      fail: (error) => this.#fail(error),
      closed: () => this.#closed(),
      roundTrip: (ms) => {
        if (this.#node) this.#node.roundTripMs = ms;
      },
    });
  }

  async #closed(): Promise<void> {
    if (!this.#node) return;
    this.#log.info('node disconnected');
    await this.#options.grid.disconnect(this.#node);
  }

  async #receive(text: string | null): Promise<void> {
    const message = text === null ? null : parse(text);
    if (!message) this.#refuse();
    else if (message.type === 'hello') await (this.#node ? this.#refuse() : this.#greet(message));
    else if (this.#node) await this.#take(this.#node, message);
    else this.#end(4000, 'hello comes first');
  }

  async #greet(hello: Hello): Promise<void> {
    const { grid, intervals, admit, mayBeHeadless } = this.#options;
    this.#socket.greeted();
    if (hello.protocol < LEAST_NODE_PROTOCOL)
      throw new EdgeRunnerError(
        'build-too-old',
        `This node speaks version ${hello.protocol} of the protocol, the server ${LEAST_NODE_PROTOCOL} and later.`,
        'Update edge-runner there; a tab needs to be loaded anew.',
      );
    const row = await admit(async () => {
      const known = await grid.authenticate(hello.credential);
      if (known.host === 'headless' && !mayBeHeadless) throw NO_CERTIFICATE;
      return known;
    });
    const { node, keep, drop } = await grid.connect(row, randomUUID(), hello, {
      send: (message) => this.#send(message),
      end: (code, why) => this.#end(code, why),
    });
    if (!this.#socket.open) return grid.disconnect(node);
    this.#node = node;
    this.#log = this.#log.child({ node: row.id, name: row.name });
    this.#log.info(
      { host: hello.host, build: hello.build, slots: hello.slots, keep, drop },
      'node connected',
    );
    const { ttlMs, renewMs } = intervals;
    const progressMs = this.#progressMs;
    this.#send({ type: 'welcome', node: row.id, name: row.name, ttlMs, renewMs, progressMs, keep, drop });
    if (node.row.state !== 'active') this.#send({ type: 'drain', hold: node.hold });
  }

  async #take(node: ConnectedNode, message: Exclude<FromNode, { type: 'hello' }>): Promise<void> {
    const { grid } = this.#options;
    switch (message.type) {
      case 'ping':
        return this.#send({ type: 'pong' });
      case 'drain':
        node.leaving = true;
        return;
      case 'pause':
        return grid.pause(node, message.reason);
      case 'resume':
        return grid.pause(node, null);
      case 'renew':
        if (message.load) node.load = message.load;
        return this.#renew(node, message.leases);
    }
    const held = node.held.get(message.attempt);
    // Its lease has ended, or never was: whoever says so late or twice is told, and nothing is written.
    if (!held || held.lease !== message.lease) return this.#stale(message.attempt);
    const { attempt, lease } = held;
    switch (message.type) {
      case 'accept':
        if (await grid.accept({ attempt, lease })) held.state = 'leased';
        else this.#drop(node, attempt);
        return;
      case 'reject':
        await grid.end({ attempt, lease, state: 'rejected', error: null, retry: true });
        return this.#free(node, attempt);
      case 'return':
        await grid.end({ attempt, lease, state: 'returned', error: null, retry: true });
        return this.#free(node, attempt);
      case 'progress':
        if (message.seq <= held.seq) return;
        held.seq = message.seq;
        held.waits = message.waits;
        // Its time counts from when it has its turn.
        if (held.waits) held.since = performance.now();
        return grid.moved(held, message);
      case 'log':
        this.#log.info({ attempt }, message.message);
        return grid.say(held, withoutAddresses(message.message));
      case 'fail': {
        const { code, remedy, retry } = message;
        const what = withoutAddresses(message.message);
        this.#log.warn({ attempt, code }, what);
        if (isOfNode(code)) node.failures++;
        const error = { code, message: what, remedy };
        if (code === 'segment-short' && held.segment) await grid.endShort(held, error);
        else await grid.end({ attempt, lease, state: 'failed', error, retry });
        return this.#free(node, attempt);
      }
      case 'files':
        held.files = [...(held.files ?? []), ...message.files];
        if (held.files.length > MOST_FILES_IN_ALL) this.#end(4002, 'too many files');
        return;
      case 'result':
        return this.#finish(node, message);
    }
  }

  async #finish(
    node: ConnectedNode,
    { attempt, lease, files, outcome }: Extract<FromNode, { type: 'result' }>,
  ): Promise<void> {
    const { grid } = this.#options;
    const held = node.held.get(attempt)!;
    try {
      if (!(await grid.finish(held, [...(held.files ?? []), ...files], outcome)))
        return this.#drop(node, attempt);
      node.failures = 0;
      node.did(held);
      this.#options.metrics.attempts.inc({ end: 'done' });
      this.#send({ type: 'ack', attempt });
    } catch (error) {
      if (!(error instanceof EdgeRunnerError) || error.code === 'database-unreachable') throw error;
      // What it sent is not what it says.
      this.#log.warn({ attempt, code: error.code }, error.message);
      if (error.code === 'segment-short') await grid.endShort(held, error.toRecord());
      else {
        node.failures++;
        await grid.end({ attempt, lease, state: 'failed', error: error.toRecord(), retry: true });
      }
      this.#stale(attempt);
    }
    this.#free(node, attempt);
  }

  async #renew(node: ConnectedNode, leases: { attempt: string; lease: string }[]): Promise<void> {
    const { grid } = this.#options;
    const lost: string[] = [];
    const sources: Record<string, Record<string, string>> = {};
    await Promise.all(
      leases.map(async ({ attempt, lease }) => {
        const held = node.held.get(attempt);
        // Nothing to renew yet, and nothing lost.
        if (held?.lease === lease && held.state === 'offered') return;
        const holds = held?.lease === lease && (await grid.renew({ attempt, lease }));
        if (holds) sources[attempt] = grid.sourcesOf(held);
        else lost.push(attempt);
      }),
    );
    for (const attempt of lost) node.held.delete(attempt);
    this.#send({ type: 'renewed', lost, sources, progressMs: this.#progressMs });
  }

  get #progressMs(): number {
    const { grid, intervals } = this.#options;
    return Math.max(intervals.progressMs, PROGRESS_EACH_MS * grid.fleet.size);
  }

  #free(node: ConnectedNode, attempt: string): void {
    node.held.delete(attempt);
    this.#options.grid.scheduler.wake();
  }

  #drop(node: ConnectedNode, attempt: string): void {
    this.#stale(attempt);
    this.#free(node, attempt);
  }

  #stale(attempt: string): void {
    this.#send({ type: 'stale', attempt });
  }

  #refuse(): void {
    if (++this.#refused > MOST_REFUSED) this.#end(4002, 'too many messages that nobody knows');
    this.#send({
      type: 'refused',
      code: 'message-invalid',
      message: 'This message is none that a node says here.',
      remedy: 'Update whichever of node and server is older.',
    });
  }

  #fail(error: unknown): void {
    if (error instanceof EdgeRunnerError) {
      const { code, message, remedy } = error;
      this.#send(
        isRevoked(error)
          ? { type: 'revoke', code, message, remedy }
          : { type: 'refused', code, message, remedy },
      );
      this.#end(4003, code);
      return;
    }
    this.#log.error({ err: error }, 'a message of a node could not be dealt with');
    this.#end(1011, 'server-fault');
  }

  #send(message: ToNode): void {
    this.#socket.send(message);
  }

  #end(code: number, why: string): void {
    this.#socket.end(code, why);
  }
}

const NO_CERTIFICATE = new EdgeRunnerError(
  'certificate-unknown',
  'Headless nodes of this server must show a certificate.',
  'Join with --cert and --key.',
);

/** What was signed for a node is nobody else's; where it goes through is its own business. */
const withoutAddresses = (text: string): string =>
  text.replace(/https?:\/\/\S*\/v1\/(sources|parts|attempts)\/[^\s"')]*/g, 'its source');

function parse(text: string): FromNode | null {
  try {
    const read = fromNode.safeParse(parsePlain(text));
    return read.success ? read.data : null;
  } catch {
    return null;
  }
}
