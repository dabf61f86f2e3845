import type { JobView, Offer } from '../../protocol/index.ts';
import { type Ask, askOf, patternJob, SimulatedNode } from '../../server/testing-node.ts';
import type { ServerProcess } from './server-process.ts';

/** Nodes that enrol, or connect, at a time. */
const AT_A_TIME = 50;

/** Nodes without browsers on real sockets: how long each task takes them is for whoever measures to say. */
export class Load {
  readonly nodes: SimulatedNode[] = [];
  readonly #ask: Ask;
  readonly #url: string;
  readonly #onOffer: (offer: Offer, node: SimulatedNode) => void;

  private constructor(url: string, ask: Ask, onOffer: (offer: Offer, node: SimulatedNode) => void) {
    this.#url = url;
    this.#ask = ask;
    this.#onOffer = onOffer;
  }

  /** Enrols and connects so many nodes. */
  static async join(
    { url, admin }: Pick<ServerProcess, 'url' | 'admin'>,
    count: number,
    onOffer: (offer: Offer, node: SimulatedNode) => void,
  ): Promise<Load> {
    const ask = askOf(url, admin!);
    const load = new Load(url, ask, onOffer);
    const { body } = await ask<{ token: string }>('POST', '/v1/tokens', {
      body: { name: 'nodes', scope: 'enrol' },
    });
    await inTurn(count, async (i) => {
      const options = { keeps: false, onOffer: load.#onOffer };
      const node = await SimulatedNode.enrol({ url: load.#url, ask }, body.token, options, `node-${i}`);
      load.nodes.push(node);
      await node.connect();
    });
    return load;
  }

  /** A job of so many tasks. @returns its id. */
  async submit(tasks: number): Promise<string> {
    const { status, body } = await this.#ask<JobView>('POST', '/v1/jobs', {
      body: { spec: patternJob(tasks) },
    });
    if (status !== 201) throw new Error(`the server refused a job: ${JSON.stringify(body)}`);
    return body.id;
  }

  async stateOf(job: string): Promise<JobView> {
    return (await this.#ask<JobView>('GET', `/v1/jobs/${job}`)).body;
  }

  async leave(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.leave()));
  }
}

/** So many works, some at a time. */
export async function inTurn(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: Math.min(AT_A_TIME, count) }, async () => {
      while (next < count) await work(next++);
    }),
  );
}
