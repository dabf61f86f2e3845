import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { reportPage } from './page.ts';
import type { Report } from './report.ts';

/** For people and for `--compare`; what was there before is replaced. */
export function saveReport(report: Report, folder: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(join(folder, 'index.html'), reportPage(report));
}
