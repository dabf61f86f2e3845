import { Command, Option } from 'commander';
import { TRUSTS, type Trust, USUAL_SEGMENT_SECONDS } from '../../protocol/index.ts';
import { GridClient } from '../grid/client.ts';
import { addReachOptions, type ReachOptions, readReach } from '../grid/server-options.ts';
import { makeJob, type SubmitOptions, submitInput } from '../grid/submit-input.ts';
import { runBatch } from '../run/batch.ts';
import { addJobOptions, type RawJobOptions, readJobOptions } from '../run/job-options.ts';
import { readEncoderClass, readSegment, type SegmentLength } from '../run/options.ts';
import { readLabels, readRegion } from './token.ts';

interface GridOptions extends ReachOptions {
  detach: boolean;
  priority: number;
  trust: Trust;
  region?: string;
  labels: string[];
  segment: SegmentLength;
  encoderClass: string;
}

export function submitCommand(): Command {
  return addReachOptions(
    addJobOptions(
      new Command('submit')
        .description('have a job done by the nodes of a server')
        .argument('<server>', 'address of the server')
        .argument(
          '[input...]',
          'files, folders, http(s) addresses, "-" for standard input, or still pictures',
        ),
    ),
  )
    .option('--detach', 'print the id of the job, and do not wait for it', false)
    .option('--priority <n>', 'from -100 to 100; higher ones go first', Number, 0)
    .addOption(new Option('--trust <trust>', 'least trust of the nodes').choices(TRUSTS).default('untrusted'))
    .option('--region <region>', 'nodes of this region only', readRegion)
    .option('--labels <labels>', 'nodes with all of these labels only', readLabels, [])
    .option(
      '--segment <seconds>',
      'cut a video into segments of about so long, for several nodes; "whole" does not',
      readSegment,
      USUAL_SEGMENT_SECONDS,
    )
    .option(
      '--encoder-class <class>',
      'encoders that write the segments of a video: of "one" class where possible, of "any", or of the class named',
      readEncoderClass,
      'one',
    )
    .action((server: string, inputs: string[], raw: RawJobOptions & GridOptions) => {
      const options = readJobOptions(raw);
      const { detach, priority, trust, region, labels, segment, encoderClass } = options;
      const address = readReach(server, options);
      return runBatch(inputs, options, async (signal) => {
        const client = await GridClient.open(address, signal);
        const submit: SubmitOptions = {
          ...{ client, priority, signal },
          segment: segment === 'whole' ? null : segment,
          placement: { trust, labels, encoderClass, ...(region !== undefined && { region }) },
        };
        return {
          models: { detect: options.detect, depth: options.depth },
          carryOut: async (plan) => {
            if (!detach) return submitInput(plan, submit);
            const { id } = await makeJob(plan, submit);
            process.stdout.write(
              options.json ? `${JSON.stringify({ v: 1, type: 'job', job: id })}\n` : `${id}\n`,
            );
            return null;
          },
        };
      });
    });
}
