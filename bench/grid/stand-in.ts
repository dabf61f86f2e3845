import { setTimeout as wait } from 'node:timers/promises';
import { EVENTS_FILE, type Offer, type Segment, type WrittenFile } from '../../protocol/index.ts';
import { type Ask, SimulatedNode } from '../../server/testing-node.ts';
import type { CutClip } from './cut-clip.ts';

export interface StandInOptions {
  name: string;
  clip: CutClip;
  /** Frames a second that it does, and says of itself. */
  fps: number;
}

/**
 * A node whose engine is a clock, with one clip: it takes as long for a segment as one of so many frames a second
 * would, one at a time, and sends what such a one would have made of it. Connection, messages, source and files are
 * real: as a real one it reads the next segment while it works at one, and sends one while it works at the next.
 */
export class StandIn {
  readonly name: string;
  readonly #clip: CutClip;
  readonly #fps: number;
  readonly #gone = new AbortController();
  /** By attempt, what ends work at it. */
  readonly #lost = new Map<string, AbortController>();
  /** Settles when its clock is free. */
  #working: Promise<void> = Promise.resolve();
  #node: SimulatedNode | null = null;

  private constructor({ name, clip, fps }: StandInOptions) {
    this.name = name;
    this.#clip = clip;
    this.#fps = fps;
  }

  /** Enrols and connects. */
  static async join(
    server: { url: string; ask: Ask },
    token: string,
    options: StandInOptions,
  ): Promise<StandIn> {
    const one = new StandIn(options);
    one.#node = await SimulatedNode.enrol(
      server,
      token,
      {
        ...{ ahead: 1, keeps: false },
        speeds: { cpu: { transcode: options.fps } },
        onOffer: (offer, node) => one.#take(offer, node),
        onLost: (attempt) => one.#lost.get(attempt)?.abort(),
      },
      options.name,
    );
    await one.#node.connect();
    return one;
  }

  /** Gone without a word, in the midst of whatever it does. */
  vanish(): void {
    this.#gone.abort();
    this.#node!.vanish();
  }

  async leave(): Promise<void> {
    this.vanish();
    await this.#node!.closed;
  }

  async #take(offer: Offer, node: SimulatedNode): Promise<void> {
    const lost = new AbortController();
    this.#lost.set(offer.attempt, lost);
    const signal = AbortSignal.any([this.#gone.signal, lost.signal]);
    node.accept(offer);
    const { segment, kind } = offer.work;
    try {
      if (kind === 'probe') await this.#look(offer, node, signal);
      else if (segment) await this.#make(offer, node, segment, signal);
      else throw new Error('a stand-in has no more than segments to give');
    } catch {
      // One that is gone says nothing, and what was taken from it goes wrong in any way.
      if (!signal.aborted) node.fail(offer);
    } finally {
      this.#lost.delete(offer.attempt);
    }
  }

  /** The bytes that it would decode: the clip's share that its segment is. */
  async #read(
    { work }: Offer,
    { url }: SimulatedNode,
    segment: Segment | null,
    signal: AbortSignal,
  ): Promise<void> {
    const { bytes, plan } = this.#clip;
    const at = (frame: number) => Math.floor((bytes.byteLength * frame) / plan.frames);
    const [from, to] = segment
      ? [at(segment.firstFrame), at(segment.firstFrame + segment.frames)]
      : [0, bytes.byteLength];
    const answer = await fetch(new URL(work.sources.in!, url), {
      headers: { range: `bytes=${from}-${to - 1}` },
      signal,
    });
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    await answer.arrayBuffer();
  }

  async #look(offer: Offer, node: SimulatedNode, signal: AbortSignal): Promise<void> {
    const { plan } = this.#clip;
    await this.#read(offer, node, null, signal);
    const { attempt, lease } = offer;
    node.send({
      ...{ type: 'result', attempt, lease, files: [] },
      outcome: { frames: plan.frames, seconds: 0, truncated: false, plan },
    });
  }

  async #make(offer: Offer, node: SimulatedNode, segment: Segment, signal: AbortSignal): Promise<void> {
    const { ordinal, frames, firstTime: first, lastTime: last } = segment;
    const seconds = frames / this.#fps;
    await this.#work(offer, node, segment, signal);
    const files: WrittenFile[] = [
      await node.upload(offer, 'video', 'out.mp4', this.#clip.parts[ordinal]!, signal),
      await node.upload(offer, 'events', EVENTS_FILE, linesOf(segment), signal),
    ];
    const { attempt, lease } = offer;
    node.send({
      ...{ type: 'result', attempt, lease, files },
      outcome: { frames, seconds, truncated: false, shown: { first, last } },
    });
  }

  /** Has its turn, and takes its time. */
  async #work(offer: Offer, node: SimulatedNode, segment: Segment, signal: AbortSignal): Promise<void> {
    const { frames: of } = segment;
    const { attempt, lease } = offer;
    const before = this.#working;
    let done = () => {};
    this.#working = new Promise((resolve) => {
      done = resolve;
    });
    let began: number | null = null;
    let seq = 0;
    // As often as the server wants to hear it.
    const telling = setInterval(() => {
      const worked = began === null ? 0 : (performance.now() - began) / 1000;
      const frames = Math.min(of, Math.floor(worked * this.#fps));
      const waits = began === null;
      const fps = waits ? 0 : this.#fps;
      node.send({ type: 'progress', attempt, lease, seq: seq++, frames, of, fps, waits });
    }, node.progressMs);
    try {
      await Promise.all([this.#read(offer, node, segment, signal), before]);
      signal.throwIfAborted();
      began = performance.now();
      await wait((1000 * of) / this.#fps, undefined, { signal });
    } finally {
      clearInterval(telling);
      // One that was taken from it in its turn leaves that to the next; another's turn it does not end.
      void before.then(done);
    }
  }
}

/** One event line for each frame. */
function linesOf({ firstFrame, frames, firstTime, lastTime }: Segment): Buffer {
  const step = (lastTime - firstTime) / Math.max(1, frames - 1);
  const lines = Array.from({ length: frames }, (_, i) => {
    const time = Math.round(firstTime + i * step) / 1e6;
    return `${JSON.stringify({ v: 1, type: 'frame', source: 'in', frame: firstFrame + i, time })}\n`;
  });
  return Buffer.from(lines.join(''));
}
