import type { SourceSpec } from '../../../protocol/index.ts';
import type { Painted, Painter } from './generated.ts';
import type { StreetReply, StreetRequest } from './street-worker.ts';

/** The synthetic street, rendered in workers: with its truth, and the same for the same seed. */
export class StreetPainter implements Painter {
  readonly name = 'street';
  readonly parallel: number;
  readonly #workers: Worker[];
  readonly #waiting = new Map<number, { resolve(painted: Painted): void; reject(error: unknown): void }>();

  constructor({ seed, width, height, fps }: Extract<SourceSpec, { kind: 'street' }>, cores: number) {
    this.parallel = Math.max(1, Math.min(4, cores));
    this.#workers = Array.from({ length: this.parallel }, () => {
      const worker = new Worker(new URL('./street-worker.ts', import.meta.url), {
        type: 'module',
        name: 'street',
      });
      worker.onmessage = ({ data: { index, planes, truth } }: MessageEvent<StreetReply>) => {
        this.#waiting.get(index)?.resolve({ planes, truth });
        this.#waiting.delete(index);
      };
      worker.onerror = (event) => {
        event.preventDefault();
        this.#fail(new Error(`the street's worker stopped: ${event.message}`));
      };
      this.#ask(worker, { type: 'open', options: { seed, width, height, fps } });
      return worker;
    });
  }

  paint(index: number): Promise<Painted> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(index, { resolve, reject });
      this.#ask(this.#workers[index % this.#workers.length]!, { type: 'paint', index });
    });
  }

  close(): void {
    for (const worker of this.#workers) worker.terminate();
    this.#fail(new Error('the street was closed'));
  }

  #ask(worker: Worker, request: StreetRequest): void {
    worker.postMessage(request);
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
