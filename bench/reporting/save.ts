import { accessSync, constants, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { makeFolder } from '../../models/store/index.ts';
import { reportPage } from './page.ts';
import type { Report } from './report.ts';

/** Makes the folder of a report. @throws where it cannot be made or written to. */
export async function prepareFolder(folder: string): Promise<void> {
  try {
    await makeFolder(folder);
    accessSync(join(folder, '.'), constants.W_OK);
  } catch (error) {
    throw new Error(
      `no report can be written to ${folder} (${(error as NodeJS.ErrnoException).code}): give another --report`,
    );
  }
}

/** For people and for `--compare`; what was there before is replaced. */
export function saveReport(report: Report, folder: string): void {
  writeFileSync(join(folder, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(join(folder, 'index.html'), reportPage(report));
}

/** As much of a report as is compared. */
const comparable = z.looseObject({
  v: z.literal(1),
  made: z.string(),
  options: z.record(z.string(), z.string()),
  machine: z.looseObject({ processor: z.string(), cores: z.number(), adapter: z.string() }),
  sections: z.array(
    z.looseObject({
      id: z.string(),
      title: z.string(),
      measures: z.array(
        z.looseObject({
          id: z.string(),
          what: z.string(),
          unit: z.string(),
          values: z.array(z.number()),
          better: z.enum(['higher', 'lower']).nullable(),
        }),
      ),
    }),
  ),
});

/** @throws where there is none, or what is there is none. */
export function readReport(path: string): Report {
  try {
    return comparable.parse(JSON.parse(readFileSync(path, 'utf8'))) as unknown as Report;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new Error(`there is no ${path}`);
    throw new Error(`${path} is no report of the bench`);
  }
}
