import { join } from 'node:path';
import { benchAccuracy } from './accuracy.ts';
import type { BenchContext } from './context.ts';
import { benchNodes } from './grid/speed-up.ts';
import { benchKernels } from './kernels/index.ts';
import { benchLive } from './live/section.ts';
import { describeMachine } from './machine.ts';
import { clipOrigin, makeClip } from './measure/clips.ts';
import { Ladder } from './measure/ladder.ts';
import { Others } from './measure/others.ts';
import { benchDetect, benchDetectDepth } from './modes/detect.ts';
import { benchTranscode } from './modes/transcode.ts';
import { type BenchOptions, parseOptions, resolveModels, SECTIONS, type SectionName } from './options.ts';
import { compareReports, scatterOfOne, unlike, unshared } from './reporting/compare.ts';
import { failedSection, type Report, type Section } from './reporting/report.ts';
import { prepareFolder, readReport, saveReport } from './reporting/save.ts';
import { comparisonTable, sectionTable } from './reporting/table.ts';
import { withScratch } from './scratch.ts';
import { benchStreams } from './streams.ts';
import { benchStreet } from './street/index.ts';

/** Share of the processor that others may take without a word of it: what of ours lives for a moment is taken for theirs. */
const DISTURBED = 0.15;

const BENCHES: Record<SectionName, (context: BenchContext) => Promise<Section>> = {
  transcode: benchTranscode,
  detect: benchDetect,
  'detect-depth': benchDetectDepth,
  streams: benchStreams,
  live: benchLive,
  nodes: benchNodes,
  accuracy: benchAccuracy,
  kernels: benchKernels,
  street: benchStreet,
};

/** `npm run bench`: how fast it is here, beside what people would use instead. The report lies in bench/report. */
async function main(args: string[]): Promise<void> {
  const options = parseOptions(args);
  // Read before anything is measured: it may be the file that the new report replaces, or none at all.
  const before = options.compare === null ? null : readReport(options.compare);
  await prepareFolder(options.report);
  const report = await withScratch('bench', (folder) => measure(options, folder));
  write(report, options.report);
  if (before) compare(options.compare!, before, report);
}

async function measure(options: BenchOptions, folder: string): Promise<Report> {
  const began = Date.now();
  const { machine, software, softwareEncoder } = await lookAround(options, folder);
  const { width, height, quick } = options;
  const asked = options.backend;
  const backend = asked !== 'auto' ? asked : machine.adapter === 'none' || software ? 'cpu' : 'webgpu';
  const context: BenchContext = {
    ...{ folder, quick, backend, width, height, codec: options.codec, softwareEncoder },
    streams: options.streams,
    rounds: quick ? 1 : 3,
    seconds: quick ? 0.3 : 0.7,
    warmUp: quick ? 0.3 : 0.4,
    // As long as the engine's own run is given (measure/engine-run.ts).
    modelWarmUp: 3,
    bitrate: options.bitrate,
    ...(await resolveModels(options.model, backend)),
    say: (line) => process.stderr.write(`  ${line}\n`),
  };
  console.log(
    `${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB; ${machine.browser}; adapter: ${machine.adapter}; backend ${backend}`,
  );
  const report: Report = {
    v: 1,
    name: 'bench',
    made: new Date(began).toISOString(),
    seconds: 0,
    options: {
      ...{ backend, quick: `${quick}`, size: `${width}x${height}`, codec: options.codec },
      ...{ bitrate: `${options.bitrate}`, model: context.detect?.descriptor.name ?? 'none' },
      ...{ streams: options.streams.join(','), clip: clipOrigin() },
    },
    machine,
    sections: [],
  };
  for (const name of SECTIONS) {
    if (!options.sections.includes(name)) continue;
    const started = Date.now();
    const others = new Others();
    const section = await BENCHES[name](context).catch((error: unknown) => {
      // One section that fails takes no other with it.
      process.exitCode = 1;
      return failedSection(name, error);
    });
    const seconds = Math.round((Date.now() - started) / 1000);
    const share = others.end() ?? 0;
    if (share > DISTURBED)
      section.text.push(
        `Other processes took about ${(100 * share).toFixed(0)} % of the processor meanwhile: these figures say less.`,
      );
    report.sections.push({ ...section, seconds });
    console.log(`${sectionTable(section)}  (measured in ${seconds} s)`);
    // What is measured stays, whatever becomes of the rest.
    saveReport(report, options.report);
  }
  report.seconds = Math.round((Date.now() - began) / 1000);
  return report;
}

/** The browser's own word on itself, with the flags of the backend that is asked for. */
async function lookAround({ width, height, backend, codec }: BenchOptions, folder: string) {
  const clip = await makeClip(folder, width, height, 30);
  const ladder = await Ladder.open({ clip, models: [], backend });
  try {
    const { version, capabilities } = await ladder.probe();
    return {
      machine: describeMachine(version, capabilities),
      software: capabilities.adapter?.software ?? false,
      softwareEncoder: capabilities.encode[codec] === 'software',
    };
  } finally {
    await ladder.close();
  }
}

function write(report: Report, folder: string): void {
  saveReport(report, folder);
  console.log(
    `${report.seconds} s. ${join(folder, 'index.html')} shows it; report.json beside it is for --compare.`,
  );
}

function compare(path: string, before: Report, report: Report): void {
  const differing = unlike(before, report);
  const compared = compareReports(before, report);
  console.log(`\nBeside ${path}, of ${before.made}${differing ? `: ${differing}` : ''}`);
  // Of other work on another machine a ratio says something, a verdict nothing.
  console.log(comparisonTable(compared, differing === null));
  for (const line of unshared(before, report)) console.log(`  ${line}`);
  if (differing !== null) {
    console.log('Nothing is judged: this was not the same work on the same machine.');
    return;
  }
  const scatter = (100 * scatterOfOne(before, report)).toFixed(0);
  console.log(`Of speeds and times that were measured once, less than ${scatter} % says nothing here.`);
  const worse = compared.filter(({ verdict }) => verdict === 'worse').length;
  console.log(
    worse === 0 ? 'Nothing fell by more than the spread.' : `${worse} fell by more than the spread.`,
  );
  if (worse > 0) process.exitCode = 1;
}

await main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`edge-runner bench: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
});
