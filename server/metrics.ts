import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** What is told of all servers together. */
export interface Census {
  tasks: { state: string; count: number }[];
  nodes: { state: string; count: number }[];
  queueAgeSeconds: number;
  streams: number;
  viewers: number;
  diskFree: number;
}

/** What Prometheus reads. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #look: () => Promise<void>;
  readonly offers: Counter;
  readonly requests: Histogram<'method' | 'status'>;
  /** Of nodes that are connected here. */
  readonly attempts: Counter<'end'>;

  /** @param nodes how many are connected here now. @param look at what the database holds. */
  constructor(nodes: () => number, look: () => Promise<Census>) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.offers = new Counter({ name: 'edge_runner_offers_total', help: 'Offers made to nodes.', registers });
    this.requests = new Histogram({
      name: 'edge_runner_request_seconds',
      help: 'Time to answer requests.',
      labelNames: ['method', 'status'],
      buckets: [0.005, 0.02, 0.1, 0.5, 2, 10],
      registers,
    });
    this.attempts = new Counter({
      name: 'edge_runner_attempts_total',
      help: 'Attempts that ended, by how.',
      labelNames: ['end'],
      registers,
    });
    const gauge = (name: string, help: string, labelNames: string[] = []) =>
      new Gauge({ name, help, labelNames, registers });
    const tasks = gauge('edge_runner_tasks', 'Tasks that have not ended, of all servers.', ['state']);
    const states = gauge('edge_runner_nodes', 'Nodes that are connected, of all servers.', ['state']);
    const age = gauge(
      'edge_runner_queue_age_seconds',
      'Since the job was made whose task has waited longest; 0 when none waits.',
    );
    const streams = gauge('edge_runner_streams_live', 'Streams that tabs publish, of all servers.');
    const viewers = gauge('edge_runner_viewers', 'Who watches streams or sends to them, of all servers.');
    const free = gauge('edge_runner_disk_free_bytes', 'On the disk of the data folder.');
    this.#look = async () => {
      const found = await look();
      age.set(found.queueAgeSeconds);
      free.set(found.diskFree);
      streams.set(found.streams);
      viewers.set(found.viewers);
      tasks.reset();
      for (const { state, count } of found.tasks) tasks.set({ state }, count);
      states.reset();
      for (const { state, count } of found.nodes) states.set({ state }, count);
    };
    new Gauge({
      name: 'edge_runner_nodes_connected',
      help: 'Nodes connected to this server.',
      registers,
      collect() {
        this.set(nodes());
      },
    });
  }

  get type(): string {
    return this.#registry.contentType;
  }

  async text(): Promise<string> {
    await this.#look();
    return this.#registry.metrics();
  }
}
