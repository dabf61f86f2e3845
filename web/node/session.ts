import {
  type CapabilityReport,
  type DeviceReport,
  type ErrorRecord,
  type FromNode,
  isFinal,
  type LoadReport,
  type MeasuredSpeeds,
  NODE_PROTOCOL,
  NODE_SUBPROTOCOL,
  type NodeHold,
  type NodeStatus,
  type Offer,
  type PauseReason,
  type ToNode,
  toNode,
} from '../../protocol/index.ts';
import { RunningAttempt } from './attempt.ts';
import type { FromAttempt } from './attempt-messages.ts';
import { fileBatches } from './file-batches.ts';
import { WarmWorkers } from './warm-workers.ts';

/** Segments that are prepared while others are worked at: the next one begins as soon as those are done. */
const AHEAD = 1;
/** Milliseconds before another try to connect: a random share of what doubles from the first to the longest. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 30_000;
/** Intervals of renewal without a word from the server, after which the connection is taken as dead. */
const MOST_SILENCE = 2.5;

/** Between two words to the page of what goes on, milliseconds. */
const REPORT_MS = 500;

export interface NodeOptions {
  /** Address of the server, or of what stands for it on this machine. */
  base: string;
  credential: string;
  host: 'tab' | 'headless';
  build: string;
  slots: number;
  labels: string[];
  region?: string;
  ortBase: string;
  capabilities: CapabilityReport;
  speeds: MeasuredSpeeds;
  device?: DeviceReport;
}

/**
 * Being a node: one connection to the server, kept up, and the attempts that it gave. The server sets every interval;
 * leases end by this machine's own clock, whatever the server's says.
 */
export class NodeSession {
  readonly #options: NodeOptions;
  readonly #onStatus: (status: NodeStatus) => void;
  readonly #onPreview: (picture: ImageBitmap) => void;
  readonly #attempts = new Map<string, RunningAttempt>();
  readonly #workers = new WarmWorkers(
    () => new Worker(new URL('./attempt-worker.ts', import.meta.url), { type: 'module', name: 'engine' }),
  );
  #socket: WebSocket | null = null;
  #state: NodeStatus['state'] = 'connecting';
  #name: string | null = null;
  #error: ErrorRecord | null = null;
  #done = 0;
  #failed = 0;
  /** This node wants to leave; the server wants it to take nothing. */
  #leaving = false;
  #hold: NodeHold | null = null;
  #held = false;
  #pause: PauseReason | null = null;
  #load: LoadReport | null = null;
  /** Of the time, and whether somebody looks. */
  #share = 1;
  #previewed = false;
  /** Frames of attempts that have ended. */
  #frames = 0;
  /** Ended here, and not yet given back: nobody listened. */
  readonly #givenUp = new Map<string, string>();
  #tries = 0;
  #ttlMs = 0;
  #progressMs = 1_000;
  #reportedAt = Number.NEGATIVE_INFINITY;
  #heardAt = 0;
  #renewals: number[] = [];
  #timers: ReturnType<typeof setInterval>[] = [];
  #reconnect: ReturnType<typeof setTimeout> | undefined;
  readonly #overdue: ReturnType<typeof setInterval>;

  constructor(
    options: NodeOptions,
    hear: { status(status: NodeStatus): void; preview(picture: ImageBitmap): void },
  ) {
    this.#options = options;
    this.#onStatus = hear.status;
    this.#onPreview = hear.preview;
    // Leases run out whether or not anybody hears of it.
    this.#overdue = setInterval(() => this.#endOverdue(), 1_000);
    this.#connect();
  }

  /** Takes no more, finishes what it has, then stops. */
  drain(): void {
    this.#leaving = true;
    this.#send({ type: 'drain' });
    this.#returnAll(({ begun }) => !begun);
    this.#setState(this.#state === 'stopped' ? 'stopped' : 'draining');
    this.#stopIfIdle();
  }

  /**
   * Takes no more until it resumes.
   * @param finish whether it may finish what it has; else that goes back to the server at once.
   */
  pause(reason: PauseReason, { finish }: { finish: boolean }): void {
    if (this.#state === 'stopped') return;
    this.#pause = reason;
    this.#send({ type: 'pause', reason });
    // What is done is not done again.
    this.#returnAll(({ begun, ended }) => (finish ? !begun : ended?.type !== 'done'));
    this.#tell();
  }

  resume(): void {
    this.#pause = null;
    this.#send({ type: 'resume' });
    this.#tell();
  }

  /** Of this device's time that work may have, above 0, up to 1. */
  set share(share: number) {
    this.#share = share;
    for (const attempt of this.#attempts.values()) attempt.share(share);
  }

  /** Whether somebody looks at what is worked at. */
  set previewed(wanted: boolean) {
    this.#previewed = wanted;
    for (const attempt of this.#attempts.values()) attempt.preview(wanted);
  }

  /** How this machine fares, for the next renewal to tell. */
  set load(load: LoadReport) {
    this.#load = load;
  }

  /** Ends everything at once; leases end by themselves. */
  stop(): void {
    clearTimeout(this.#reconnect);
    clearInterval(this.#overdue);
    this.#stopTimers();
    for (const attempt of this.#attempts.values()) attempt.end();
    this.#attempts.clear();
    this.#workers.close();
    this.#socket?.close();
    this.#socket = null;
    this.#setState('stopped');
  }

  #connect(): void {
    const url = new URL('/v1/node', this.#options.base);
    url.protocol = url.protocol.replace('http', 'ws');
    const socket = new WebSocket(url, NODE_SUBPROTOCOL);
    this.#socket = socket;
    socket.onopen = () => {
      const { credential, host, build, slots, labels, region, capabilities, speeds, device } = this.#options;
      this.#send({
        type: 'hello',
        protocol: NODE_PROTOCOL,
        ...{ credential, host, build, slots, labels, region, capabilities, speeds, device },
        ahead: AHEAD,
        pause: this.#pause,
        resume: [
          ...[...this.#attempts.values()].map(({ attempt, lease }) => ({ attempt, lease })),
          ...[...this.#givenUp].map(([attempt, lease]) => ({ attempt, lease })),
        ],
      });
    };
    socket.onmessage = ({ data }: MessageEvent<string>) => {
      if (socket !== this.#socket) return;
      this.#heardAt = performance.now();
      const message = parse(data);
      if (message) this.#receive(message);
    };
    socket.onclose = () => {
      if (socket === this.#socket) this.#lost();
    };
  }

  #lost(): void {
    this.#socket = null;
    this.#stopTimers();
    if (this.#state === 'stopped') return;
    if (!this.#leaving) this.#setState('connecting');
    const wait = Math.random() * Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#tries++);
    this.#reconnect = setTimeout(() => this.#connect(), wait);
  }

  #receive(message: ToNode): void {
    switch (message.type) {
      case 'welcome':
        this.#welcome(message);
        break;
      case 'offer':
        this.#consider(message);
        break;
      case 'renewed':
        this.#renewed(message);
        break;
      case 'ack':
        this.#done++;
        this.#forget(message.attempt);
        break;
      case 'stale':
      case 'cancel':
        this.#forget(message.attempt);
        break;
      case 'drain':
        this.#held = true;
        this.#hold = message.hold;
        this.#returnAll(({ begun }) => !begun);
        this.#setState('draining');
        break;
      case 'resume':
        this.#held = false;
        this.#hold = null;
        this.#setState(this.#leaving ? 'draining' : 'online');
        break;
      case 'refused':
        this.#error = message;
        this.#tell();
        break;
      case 'revoke':
        this.#error = message;
        this.stop();
        break;
      case 'pong':
        break;
    }
  }

  #welcome({ name, ttlMs, renewMs, progressMs, drop }: Extract<ToNode, { type: 'welcome' }>): void {
    this.#tries = 0;
    this.#name = name;
    this.#error = null;
    this.#ttlMs = ttlMs;
    this.#progressMs = progressMs;
    this.#renewals = [];
    this.#held = false;
    this.#hold = null;
    for (const attempt of drop) {
      this.#givenUp.delete(attempt);
      this.#forget(attempt);
    }
    this.#giveBack();
    this.#stopTimers();
    this.#timers.push(
      setInterval(() => this.#renew(renewMs), renewMs),
      setInterval(() => this.#report(), REPORT_MS),
    );
    this.#setState(this.#leaving ? 'draining' : 'online');
    if (this.#leaving) this.#send({ type: 'drain' });
    // What ended while nobody listened.
    for (const attempt of this.#attempts.values()) if (attempt.ended) this.#sayEnd(attempt);
    this.#stopIfIdle();
  }

  #consider(offer: Offer): void {
    const { attempt, lease } = offer;
    if (this.#attempts.has(attempt)) return;
    const away = this.#leaving || this.#held || this.#pause !== null;
    if (away || this.#attempts.size >= this.#options.slots + AHEAD) {
      const reason = away ? 'draining' : 'busy';
      this.#send({ type: 'reject', attempt, lease, reason });
      return;
    }
    this.#send({ type: 'accept', attempt, lease });
    const { base, ortBase, credential } = this.#options;
    const running: RunningAttempt = new RunningAttempt({
      ...{ offer, workers: this.#workers, base, ortBase, credential },
      ...{ share: this.#share, previewed: this.#previewed },
      onMessage: (message) => this.#hear(running, message),
    });
    this.#attempts.set(attempt, running);
    this.#letBegin();
    this.#tell();
  }

  #hear(running: RunningAttempt, message: FromAttempt): void {
    const { attempt, lease } = running;
    if (this.#attempts.get(attempt) !== running) {
      if (message.type === 'preview') message.picture.close();
      return;
    }
    if (message.type === 'preview') this.#onPreview(message.picture);
    if (message.type === 'log')
      this.#send({ type: 'log', attempt, lease, message: message.message.slice(0, 2048) });
    if (message.type === 'worked') this.#letBegin();
    if (message.type === 'done' || message.type === 'failed') {
      this.#letBegin();
      this.#sayEnd(running);
    }
  }

  /** Those whose turn it is, first come, first served. */
  #letBegin(): void {
    const all = [...this.#attempts.values()];
    let free = this.#options.slots - all.filter(({ begun, worked }) => begun && !worked).length;
    for (const attempt of all) if (!attempt.begun && free-- > 0) attempt.begin();
  }

  #sayEnd({ attempt, lease, ended }: RunningAttempt): void {
    if (ended?.type === 'done') {
      const { files, outcome } = ended;
      const batches = fileBatches(files);
      const last = batches.pop()!;
      for (const batch of batches) this.#send({ type: 'files', attempt, lease, files: batch });
      this.#send({ type: 'result', attempt, lease, files: last, outcome });
    } else if (ended && this.#isOpen) {
      this.#failed++;
      const { error } = ended;
      const { code, remedy } = error;
      this.#send({
        ...{ type: 'fail', attempt, lease, code, remedy: remedy.slice(0, 4096) },
        message: error.message.slice(0, 4096),
        retry: !isFinal(error.code),
      });
      // Nobody answers this.
      this.#forget(attempt);
    }
  }

  #renew(renewMs: number): void {
    if (performance.now() - this.#heardAt > MOST_SILENCE * renewMs) {
      // Open at our end only: the close event of such a socket may take minutes.
      const dead = this.#socket;
      this.#lost();
      dead?.close();
      return;
    }
    const leases = [...this.#attempts.values()].map(({ attempt, lease }) => ({ attempt, lease }));
    this.#renewals.push(performance.now());
    this.#send({ type: 'renew', leases, ...(this.#load && { load: this.#load }) });
  }

  /** Said first: a node that wants to leave is gone with the last of them. */
  #returnAll(which: (attempt: RunningAttempt) => boolean): void {
    const some = [...this.#attempts.values()].filter(which);
    for (const { attempt, lease } of some) this.#givenUp.set(attempt, lease);
    this.#giveBack();
    for (const { attempt } of some) this.#forget(attempt);
  }

  #giveBack(): void {
    if (!this.#isOpen) return;
    for (const [attempt, lease] of this.#givenUp) this.#send({ type: 'return', attempt, lease });
    this.#givenUp.clear();
  }

  #renewed({ lost, sources, progressMs }: Extract<ToNode, { type: 'renewed' }>): void {
    this.#progressMs = progressMs;
    // Answers come in the order of what they answer.
    const sentAt = this.#renewals.shift() ?? performance.now();
    for (const attempt of lost) this.#forget(attempt);
    for (const [attempt, addresses] of Object.entries(sources))
      this.#attempts.get(attempt)?.renewed(sentAt, this.#ttlMs, addresses);
  }

  /** To the page whenever asked, to the server as often as it wants to hear it. */
  #report(): void {
    this.#tell();
    if (performance.now() - this.#reportedAt < this.#progressMs) return;
    this.#reportedAt = performance.now();
    for (const running of this.#attempts.values()) {
      const { attempt, lease, frames, of, fps, begun, ended } = running;
      const seq = running.seq++;
      if (!ended) this.#send({ type: 'progress', attempt, lease, seq, frames, of, fps, waits: !begun });
    }
  }

  #endOverdue(): void {
    for (const { attempt, isOver } of this.#attempts.values()) if (isOver) this.#forget(attempt);
  }

  #forget(attempt: string): void {
    this.#frames += this.#attempts.get(attempt)?.frames ?? 0;
    this.#attempts.get(attempt)?.end();
    this.#attempts.delete(attempt);
    this.#letBegin();
    this.#tell();
    this.#stopIfIdle();
  }

  #stopIfIdle(): void {
    if (this.#leaving && this.#attempts.size === 0 && this.#state !== 'stopped') this.stop();
  }

  #stopTimers(): void {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
  }

  get #isOpen(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  #send(message: FromNode): void {
    if (this.#isOpen) this.#socket!.send(JSON.stringify(message));
  }

  #setState(state: NodeStatus['state']): void {
    this.#state = state;
    this.#tell();
  }

  #tell(): void {
    this.#onStatus({
      ...{ state: this.#state, name: this.#name, error: this.#error, pause: this.#pause },
      ...{ hold: this.#hold, leaving: this.#leaving },
      ...{ done: this.#done, failed: this.#failed, frames: this.#frames },
      attempts: [...this.#attempts.values()].map(({ attempt, frames, of, fps, begun }) => ({
        ...{ attempt, frames, of, fps },
        waits: !begun,
      })),
    });
  }
}

function parse(text: string): ToNode | null {
  try {
    const read = toNode.safeParse(JSON.parse(text));
    return read.success ? read.data : null;
  } catch {
    return null;
  }
}
