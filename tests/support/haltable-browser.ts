import { type Browser, chromium } from 'playwright';
import { findBrowser } from '../../headless-runner/browser/find.ts';

/** A browser whose processes can be halted: to whoever is connected with it, the network is gone. */
export interface HaltableBrowser {
  browser: Browser;
  halt(): void;
  goOn(): void;
  close(): Promise<void>;
}

export async function openHaltable(): Promise<HaltableBrowser> {
  const server = await chromium.launchServer({
    executablePath: findBrowser(null),
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
  const browser = await chromium.connect(server.wsEndpoint());
  // It leads a group of its own, with all that it starts.
  const signal = (name: 'SIGSTOP' | 'SIGCONT') => void process.kill(-server.process().pid!, name);
  const goOn = () => signal('SIGCONT');
  return {
    browser,
    halt: () => signal('SIGSTOP'),
    goOn,
    close: async () => {
      goOn();
      await browser.close();
      await server.close();
    },
  };
}
