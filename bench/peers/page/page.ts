import { best } from './best.ts';
import { conversion } from './conversion.ts';
import type { PageJob, PageResult } from './job.ts';
import { tutorial } from './tutorial.ts';

const PAGES = { best, conversion, tutorial };

export type PageName = keyof typeof PAGES;

/** What the bench calls. */
declare global {
  interface Window {
    edgeRunnerPeer(name: PageName, job: PageJob): Promise<PageResult>;
  }
}

window.edgeRunnerPeer = (name, job) => PAGES[name](job);
