import {
  type DeviceReport,
  type FromNodeWorker,
  isRevoked,
  type LoadReport,
  type NodeStatus,
  type PauseReason,
  type ToNodeWorker,
} from '../../protocol/index.ts';
import { type LaunchedBrowser, type LaunchOptions, launchBrowser } from '../browser/launch.ts';
import { treeMemory } from '../browser/tree-memory.ts';

/** Milliseconds between looks at a browser's memory. */
const MEMORY_INTERVAL = 10_000;
/** How long a browser that has too much may finish what it does. */
const LEAK_PATIENCE = 10 * 60_000;
/** Milliseconds before a browser that died is started again: doubled each time, until one has lived for a while. */
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 60_000;
const LIVED = 120_000;

export interface NodeBrowserOptions {
  name: string;
  launch: LaunchOptions;
  /** Address of what stands for the server on this machine. */
  origin: string;
  config: {
    credential: string;
    build: string;
    slots: number;
    labels: string[];
    region?: string;
    device: DeviceReport;
  };
  /** Bytes from which on a browser is replaced; what is left of a crash is counted with it. */
  memoryCap: number;
  onStatus(status: NodeStatus): void;
  log(message: string): void;
}

/** How a browser's time as a node ended. */
type End = 'drained' | 'revoked' | 'died' | 'leaked';

/** One browser that is a node, started again when it dies or has grown too large, until it is told to go. */
export class NodeBrowser {
  readonly #options: NodeBrowserOptions;
  #launched: LaunchedBrowser | null = null;
  #leaving = false;
  #gone = false;
  /** Speaks to the page; null while there is none. */
  #tell: ((message: ToNodeWorker) => void) | null = null;
  /** As it stands, for a browser that is started anew. */
  #pause: Extract<ToNodeWorker, { type: 'pause' }> | null = null;
  #wake: (() => void) | null = null;

  constructor(options: NodeBrowserOptions) {
    this.#options = options;
  }

  /** Until it was drained, or the server wants it no more. @returns whether the server revoked it. */
  async run(): Promise<'drained' | 'revoked'> {
    const { log } = this.#options;
    let wait = FIRST_WAIT;
    while (!this.#leaving) {
      const began = performance.now();
      const end = await this.#once().catch((error: unknown): End => {
        log(error instanceof Error ? error.message : `${error}`);
        return 'died';
      });
      if (end === 'revoked') return 'revoked';
      if (end === 'drained' || this.#leaving) break;
      if (end === 'leaked') {
        log('The browser has grown too large; another one takes its place.');
        continue;
      }
      wait = performance.now() - began > LIVED ? FIRST_WAIT : Math.min(LONGEST_WAIT, 2 * wait);
      log(`The browser ended; it is started again in ${Math.round(wait / 1000)} s.`);
      await this.#rest(wait);
    }
    return 'drained';
  }

  /** Takes no more work, finishes what it has; then `run` returns. */
  drain(): void {
    this.#leaving = true;
    this.#wake?.();
    this.#tell?.({ type: 'drain' });
  }

  /** Takes no more until it resumes. @param finish what it has; else that goes back to the server at once. */
  pause(reason: PauseReason, finish: boolean): void {
    this.#pause = { type: 'pause', reason, finish };
    this.#tell?.(this.#pause);
  }

  resume(): void {
    this.#pause = null;
    this.#tell?.({ type: 'resume' });
  }

  /** How the machine fares, for the server. */
  load(load: LoadReport): void {
    this.#tell?.({ type: 'load', load });
  }

  /** Ends at once. Its tasks go to others when their leases end. */
  async close(): Promise<void> {
    this.#leaving = true;
    this.#gone = true;
    this.#wake?.();
    await this.#launched?.close();
  }

  async #once(): Promise<End> {
    const { launch, origin, config, onStatus, memoryCap, log } = this.#options;
    const launched = await launchBrowser(launch);
    this.#launched = launched;
    let watch: NodeJS.Timeout | null = null;
    try {
      if (this.#gone) return 'drained';
      const page = (await launched.browser.pages())[0] ?? (await launched.browser.newPage());
      return await new Promise<End>((resolve, reject) => {
        launched.browser.once('disconnected', () => resolve('died'));
        page.once('error', () => resolve('died'));
        let leaking = 0;
        const hear = (message: FromNodeWorker) => {
          if (message.type === 'failed') {
            log(message.error.message);
            resolve('died');
          }
          if (message.type !== 'status') return;
          onStatus(message.status);
          const { state, error } = message.status;
          if (state !== 'stopped') return;
          resolve(error && isRevoked(error) ? 'revoked' : leaking > 0 ? 'leaked' : 'drained');
        };
        const tell = (message: ToNodeWorker) => {
          page.evaluate((told) => window.edgeRunner.tell(told), message).catch(() => resolve('died'));
        };
        const look = async () => {
          const bytes = await treeMemory(launched.browser.process()?.pid ?? -1);
          if (leaking > 0 && performance.now() - leaking > LEAK_PATIENCE) resolve('leaked');
          if (bytes <= memoryCap || leaking > 0) return;
          leaking = performance.now();
          tell({ type: 'drain' });
        };
        watch = setInterval(() => void look().catch(reject), MEMORY_INTERVAL);
        page
          .exposeFunction('edgeRunnerHear', hear)
          .then(() => page.goto(`${origin}/runner/index.html`))
          .then(() => page.evaluate((told) => window.edgeRunner.join(told), config))
          .then(() => {
            this.#tell = tell;
            if (this.#pause) tell(this.#pause);
            if (this.#leaving) tell({ type: 'drain' });
          })
          .catch(reject);
      });
    } finally {
      if (watch) clearInterval(watch);
      this.#tell = null;
      launched.browser.removeAllListeners('disconnected');
      await launched.close();
      this.#launched = null;
    }
  }

  async #rest(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = null;
  }
}
