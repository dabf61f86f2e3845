import { Command } from 'commander';
import { humanBoxes, humanReport } from '../inspect/human.ts';
import { inspectFile } from '../inspect/inspect-file.ts';

/** `edge-runner inspect FILE`. The action throws EdgeRunnerError; the report goes to the standard output. */
export function inspectCommand(): Command {
  return new Command('inspect')
    .description('tracks, keyframes and boxes of a media file')
    .argument('<file>', 'a video, sound or picture file')
    .option('--json', 'one JSON object, with everything')
    .option('--boxes', 'the tree of boxes (MP4, MOV)')
    .action(inspect);
}

async function inspect(path: string, { json, boxes }: { json?: true; boxes?: true }): Promise<void> {
  const report = await inspectFile(path);
  if (json) {
    const shown = boxes ? report : { ...report, boxes: null };
    process.stdout.write(`${JSON.stringify(shown, null, 2)}\n`);
    return;
  }
  process.stdout.write(`${humanReport(report)}\n`);
  if (boxes && report.boxes) process.stdout.write(`\n${humanBoxes(report.boxes)}\n`);
}
