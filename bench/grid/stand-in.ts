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
 * would, and sends what such a one would have made of it. Connection, messages, source and files are real.
 */
export class StandIn {
  readonly name: string;
  readonly #clip: CutClip;
  readonly #fps: number;
  readonly #gone = new AbortController();
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
        keeps: false,
        speeds: { cpu: { transcode: options.fps } },
        onOffer: (offer, node) => one.#take(offer, node),
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
    // It hears of what it has lost by messages, which take it from what it holds.
    const holds = () => !this.#gone.signal.aborted && node.held.includes(offer);
    node.accept(offer);
    const { segment, kind } = offer.work;
    const telling = segment && this.#tell(offer, node, segment, holds);
    try {
      if (kind === 'probe') await this.#look(offer, node);
      else if (segment) await this.#make(offer, node, segment, holds);
      else throw new Error('a stand-in has no more than segments to give');
    } catch {
      // One that is gone says nothing, and what was taken from it goes wrong in any way.
      if (holds()) node.fail(offer);
    } finally {
      if (telling) clearInterval(telling);
    }
  }

  /** The bytes that it would decode: the clip's share that its segment is. */
  async #read({ work }: Offer, { url }: SimulatedNode, segment: Segment | null): Promise<void> {
    const { bytes, plan } = this.#clip;
    const at = (frame: number) => Math.floor((bytes.byteLength * frame) / plan.frames);
    const [from, to] = segment
      ? [at(segment.firstFrame), at(segment.firstFrame + segment.frames)]
      : [0, bytes.byteLength];
    const answer = await fetch(new URL(work.sources.in!, url), {
      headers: { range: `bytes=${from}-${to - 1}` },
      signal: this.#gone.signal,
    });
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    await answer.arrayBuffer();
  }

  async #look(offer: Offer, node: SimulatedNode): Promise<void> {
    const { plan } = this.#clip;
    await this.#read(offer, node, null);
    const { attempt, lease } = offer;
    node.send({
      ...{ type: 'result', attempt, lease, files: [] },
      outcome: { frames: plan.frames, seconds: 0, truncated: false, plan },
    });
  }

  async #make(offer: Offer, node: SimulatedNode, segment: Segment, holds: () => boolean): Promise<void> {
    const { ordinal, frames, firstTime: first, lastTime: last } = segment;
    const { signal } = this.#gone;
    const seconds = frames / this.#fps;
    await Promise.all([this.#read(offer, node, segment), wait(1000 * seconds, undefined, { signal })]);
    if (!holds()) return;
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

  /** As often as the server wants to hear it. */
  #tell(
    { attempt, lease }: Offer,
    node: SimulatedNode,
    { frames: of }: Segment,
    holds: () => boolean,
  ): NodeJS.Timeout {
    const began = performance.now();
    let seq = 0;
    return setInterval(() => {
      if (!holds()) return;
      const done = Math.floor(((performance.now() - began) / 1000) * this.#fps);
      const frames = Math.min(of, done);
      node.send({ type: 'progress', attempt, lease, seq: seq++, frames, of, fps: this.#fps });
    }, node.progressMs);
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
