import type { DeviceReport, JobView, LoadReport, Offer } from '../../protocol/index.ts';
import type { TestServer } from '../../server/testing.ts';
import { CAPABILITIES, SimulatedNode } from '../../server/testing-node.ts';

const GIB = 2 ** 30;

/** Machines as people have them. */
const MACHINES: { name: string; device: DeviceReport; adapter: string | null; fps: number }[] = [
  {
    name: 'mac-mini',
    device: {
      system: 'macOS 26.1 arm64',
      cpu: 'Apple M4, 10 cores',
      memory: 16 * GIB,
      gpus: [gpu('Apple M4', null)],
    },
    ...{ adapter: 'apple metal-3', fps: 118 },
  },
  {
    name: 'cuda-box',
    device: {
      ...{ system: 'Ubuntu 24.04 x64', cpu: 'AMD EPYC 9354, 32 cores', memory: 128 * GIB },
      gpus: [gpu('NVIDIA RTX 6000 Ada Generation', 48 * GIB, '580.65.06')],
    },
    ...{ adapter: 'nvidia lovelace', fps: 312 },
  },
  {
    name: 'desk',
    device: {
      ...{ system: 'Windows 11 x64', cpu: 'AMD Ryzen 7 7800X3D, 16 cores', memory: 32 * GIB },
      gpus: [gpu('AMD Radeon RX 7900 XT', 20 * GIB)],
    },
    ...{ adapter: 'amd rdna-3', fps: 204 },
  },
  {
    name: 'old-server',
    device: { system: 'Debian 12 x64', cpu: 'Intel Xeon E5-2650, 16 cores', memory: 64 * GIB, gpus: [] },
    ...{ adapter: null, fps: 31 },
  },
];

function gpu(name: string, memory: number | null, driver: string | null = null) {
  return { name, memory, driver };
}

/** A server's nodes and jobs, as many as a test or a picture wants: real sockets and messages, no browsers. */
export class SimulatedFarm {
  readonly #server: Pick<TestServer, 'url' | 'ask' | 'token'>;
  readonly nodes: SimulatedNode[] = [];
  readonly #under = new Map<SimulatedNode, { offer: Offer; frames: number; fps: number; seq: number }>();
  #working: NodeJS.Timeout | null = null;
  #enrol = '';
  #round = 0;

  constructor(server: Pick<TestServer, 'url' | 'ask' | 'token'>) {
    this.#server = server;
  }

  /**
   * @param count of nodes that join; they take what they are offered, and hold it.
   * @param labels of theirs. @param fails whether they fail at everything.
   */
  async join(
    count: number,
    { labels = [], fails = false }: { labels?: string[]; fails?: boolean } = {},
  ): Promise<void> {
    this.#enrol ||= await this.#server.token('enrol');
    const first = this.nodes.length;
    for (let left = count; left > 0; left -= 20)
      await Promise.all(
        Array.from({ length: Math.min(20, left) }, (_, i) =>
          this.#one(first + count - left + i, labels, fails),
        ),
      );
  }

  async #one(n: number, labels: string[], fails: boolean): Promise<void> {
    const machine = MACHINES[n % MACHINES.length]!;
    const node: SimulatedNode = await SimulatedNode.enrol(
      this.#server,
      this.#enrol,
      {
        keeps: false,
        capabilities: {
          ...CAPABILITIES,
          adapter:
            machine.adapter === null
              ? null
              : {
                  ...{ vendor: machine.adapter.split(' ')[0]!, architecture: machine.adapter.split(' ')[1]! },
                  ...{ description: '', software: false, f16: true, maxBufferSize: 4 * GIB, features: [] },
                },
        },
        speeds: { [machine.adapter ? 'webgpu' : 'cpu']: { detect: machine.fps } },
        onOffer: async (offer) => {
          node.accept(offer);
          if (fails) return node.fail(offer);
          this.#under.set(node, { offer, frames: 0, fps: machine.fps * (0.9 + 0.2 * Math.random()), seq: 0 });
        },
      },
      `${machine.name}-${Math.floor(n / MACHINES.length) + 1}`,
    );
    this.nodes[n] = node;
    await node.connect({}, { device: machine.device, labels });
    node.send({ type: 'renew', leases: [], load: this.load(n) });
  }

  /** Of the nth node; working ones are warm. */
  load(n: number, degrees?: number): LoadReport {
    const { device } = MACHINES[n % MACHINES.length]!;
    const busy = this.nodes[n] && this.#under.has(this.nodes[n]);
    const share = (of: number) => Math.min(1, Math.max(0, of + 0.1 * Math.random()));
    return {
      ...{ cpu: share(busy ? 0.3 : 0.02), memory: share(0.35), battery: null },
      temperature: busy ? 62 : 44,
      gpus: device.gpus.map(() => ({
        ...{ load: share(busy ? 0.85 : 0), memory: share(0.2) },
        temperature: degrees ?? Math.round(busy ? 68 + 6 * Math.random() : 41),
      })),
    };
  }

  async submit(spec: object): Promise<JobView> {
    return (await this.#server.ask<JobView>('POST', '/v1/jobs', { body: { spec } })).body;
  }

  /** From now on all that is under way goes on, so many times a second, until `stop`. */
  work(times: number, frames: number): void {
    this.#working = setInterval(() => this.#go(times, frames), 1000 / times);
  }

  #go(times: number, most: number): void {
    this.#round++;
    for (const [n, node] of this.nodes.entries()) {
      // Each says how it fares as often as a real one, not all at once.
      if ((this.#round + n) % Math.round(5 * times) === 0)
        node.send({ type: 'renew', leases: held(node), load: this.load(n) });
      const now = this.#under.get(node);
      if (!now) continue;
      now.frames = Math.min(most, now.frames + Math.round(now.fps / times));
      const { attempt, lease } = now.offer;
      node.send({
        ...{ type: 'progress', attempt, lease, seq: now.seq++, frames: now.frames, of: most },
        fps: now.fps * (0.95 + 0.1 * Math.random()),
      });
      if (now.frames < most) continue;
      this.#under.delete(node);
      node.finish(now.offer);
    }
  }

  async stop(): Promise<void> {
    if (this.#working) clearInterval(this.#working);
    for (const node of this.nodes) await node.leave();
  }
}

const held = (node: SimulatedNode) => node.held.map(({ attempt, lease }) => ({ attempt, lease }));
