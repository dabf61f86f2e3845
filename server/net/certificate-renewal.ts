import type { Server, ServerOptions as TlsOptions } from 'node:https';
import type { Logger } from 'pino';

/** Between two looks, ms: often enough for certificates of a day. */
const INTERVAL = 3600 * 1000;

export interface RenewalOptions {
  server: Server;
  /** What it shows now. */
  shown: TlsOptions;
  /** What it should show: as at the start, files read anew. */
  look: () => Promise<TlsOptions>;
  log: Logger;
}

/**
 * Shows a new certificate when there is one: the operator's file was replaced, our own is about to end or has new names.
 * Connections that stand go on with the one they began with.
 */
export class CertificateRenewal {
  readonly #options: RenewalOptions;
  #shown: TlsOptions;
  #timer: NodeJS.Timeout | null = null;
  #looking: Promise<void> = Promise.resolve();

  constructor(options: RenewalOptions) {
    this.#options = options;
    this.#shown = options.shown;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#looking = this.look();
    }, INTERVAL);
  }

  async stop(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
    await this.#looking;
  }

  /** Files that cannot be used, a half-written one say, leave the old certificate in place. */
  async look(): Promise<void> {
    const { server, look, log } = this.#options;
    try {
      const next = await look();
      if (next.cert === this.#shown.cert && next.key === this.#shown.key) return;
      server.setSecureContext(next);
      this.#shown = next;
      log.info('new certificate shown');
    } catch (error) {
      log.error({ err: error }, 'certificate not renewed');
    }
  }
}
