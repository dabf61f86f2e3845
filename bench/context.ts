import type { ResolvedModel } from '../models/store/index.ts';
import type { BackendName, Codec } from '../protocol/index.ts';

/** What every part of the bench is told. */
export interface BenchContext {
  /** For clips and outputs; gone when the bench ends. */
  folder: string;
  quick: boolean;
  /** How often everything is measured, in turn. */
  rounds: number;
  /** How long each piece of work is measured, and for how long before that it is not. Seconds. */
  seconds: number;
  warmUp: number;
  /** The same where a model runs: the browser compiles its wasm twice, the second time well while it is in use. */
  modelWarmUp: number;
  backend: BackendName;
  width: number;
  height: number;
  codec: Codec;
  /** Whether the browser encodes it without hardware. */
  softwareEncoder: boolean;
  /** Bits per second, of every encoder. */
  bitrate: number;
  /** Null when neither the model asked for nor another one is here. */
  detect: ResolvedModel | null;
  depth: ResolvedModel | null;
  /** The detection model of the streams. */
  camera: ResolvedModel | null;
  /** How many streams at a time. */
  streams: number[];
  say(line: string): void;
}

/**
 * Works that are done in turn, A B C, A B C: a processor's speed drifts within minutes, for all alike.
 */
export class Turns {
  readonly #rounds: number;
  readonly #say: BenchContext['say'];
  readonly #works: { name: string; most: number; work: () => Promise<void> }[] = [];

  constructor({ rounds, say }: BenchContext) {
    this.#rounds = rounds;
    this.#say = say;
  }

  /** @param most rounds of it. @returns a list that gets one result a round. */
  add<T>(name: string, work: () => Promise<T>, most = this.#rounds): T[] {
    const results: T[] = [];
    this.#works.push({ name, most, work: async () => void results.push(await work()) });
    return results;
  }

  async go(): Promise<void> {
    for (let round = 1; round <= this.#rounds; round++) {
      for (const { name, most, work } of this.#works) {
        if (round > most) continue;
        this.#say(`round ${round} of ${this.#rounds}: ${name}`);
        await work();
      }
    }
  }
}
