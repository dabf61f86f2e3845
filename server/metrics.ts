import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** What Prometheus reads. */
export class Metrics {
  readonly #registry = new Registry();
  readonly offers: Counter;
  readonly requests: Histogram<'method' | 'status'>;

  /** @param nodes how many are connected here now. */
  constructor(nodes: () => number) {
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

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
