import type { PauseReason } from '../../protocol/index.ts';
import type { Guard } from '../sensors/guard.ts';
import type { Sensors } from '../sensors/sensors.ts';
import type { NodeBrowser } from './node-browser.ts';

/** Milliseconds between two looks: heat and load change no faster in a way that matters. */
const LOOK_MS = 5_000;

export interface NodeWatchOptions {
  sensors: Sensors;
  guard: Guard;
  browser: Pick<NodeBrowser, 'load' | 'pause' | 'resume'>;
  log(line: string): void;
}

/** Looks after one node's machine: what the sensors tell goes to the server, and work stops where it should. */
export class NodeWatch {
  readonly #options: NodeWatchOptions;
  #pause: PauseReason | null = null;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;
  #looking: Promise<void> = Promise.resolve();

  constructor(options: NodeWatchOptions) {
    this.#options = options;
  }

  /** Settles after the first look: nothing is begun on a machine that should rest. */
  async start(): Promise<void> {
    await this.#look();
    this.#again();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    await this.#looking;
  }

  #again(): void {
    this.#timer = setTimeout(() => {
      this.#looking = this.#look().finally(() => {
        if (!this.#stopped) this.#again();
      });
    }, LOOK_MS);
  }

  async #look(): Promise<void> {
    const { sensors, guard, browser, log } = this.#options;
    const load = await sensors.load();
    const { pause, finish, warning, nearly } = guard.look(load, new Date());
    browser.load({ ...load, ...(nearly && { warning: nearly }) });
    if (warning) log(`warning: ${warning}`);
    // Its message may change with every degree: only why it rests is news.
    if (pause?.code === this.#pause?.code) return;
    this.#pause = pause;
    if (pause) {
      log(`pauses: ${pause.message}`);
      browser.pause(pause, finish);
    } else {
      log('goes on');
      browser.resume();
    }
  }
}
