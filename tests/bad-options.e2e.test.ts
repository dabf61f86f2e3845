import { mkdirSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { edgeRunner, expectRefusal } from './support/command.ts';
import { Workspace } from './support/workspace.ts';

const workspace = Workspace.use();
const PATTERN = 'pattern:64x64@10:5';

/** Wrong usage is found out before anything is started, so these runs are quick. */
async function refused(args: string[], exit: number, code: string): Promise<string> {
  const finished = await edgeRunner(args, { cwd: workspace.path });
  expectRefusal(finished, exit, code);
  expect(finished.seconds, 'no browser was started for it').toBeLessThan(10);
  expect(await readdir(workspace.path)).toEqual(['folder']);
  return finished.stderr;
}

beforeAll(() => mkdirSync(workspace.at('folder')));

describe('a wrong value is refused, naming the option:', () => {
  it.each([
    ['--codec', 'h265'],
    ['--codec', ''],
    ['--bitrate', 'fast'],
    ['--bitrate', '0'],
    ['--bitrate', '-4M'],
    ['--bitrate', '4G'],
    ['--quality', 'best'],
    ['--size', '1280'],
    ['--size', '1280x'],
    ['--size', '0x0'],
    ['--size', '99999x99999'],
    ['--start', 'soon'],
    ['--start', '-1'],
    ['--end', '1:2:3:4'],
    ['--backend', 'gpu'],
    ['--layout', 'beside'],
    ['--header', 'no colon'],
    ['--header', 'Bad Name: x'],
    ['--jobs', '0'],
    ['--jobs', '17'],
    ['--jobs', '1.5'],
    ['--jobs', 'all'],
    ['--segment', '1'],
    ['--segment', 'half'],
  ])('%s %j', async (option, value) => {
    const stderr = await refused(['run', PATTERN, '-o', 'x.mp4', `${option}=${value}`], 2, 'option-invalid');
    expect(stderr).toContain(option);
  });

  it.each([
    ['--min-score', '1.5'],
    ['--min-score', 'high'],
    ['--min-score', ''],
    ['--iou', '-0.1'],
    ['--iou', 'NaN'],
    ['--every', '0'],
    ['--every', '1.5'],
    ['--every', 'other'],
    ['--classes', 'person,,car'],
    ['--classes', ''],
  ])('%s %j', async (option, value) => {
    const stderr = await refused(
      ['run', PATTERN, '--detect', 'yolox-nano', `${option}=${value}`],
      2,
      'option-invalid',
    );
    expect(stderr).toContain(option);
  });

  it.each(['pattern:', 'pattern:64x64', 'pattern:64x64@0:5', 'pattern:8x8@10:5', 'pattern:64x64@10:0'])(
    'the input %s',
    async (pattern) => {
      await refused(['run', pattern, '-o', 'x.mp4'], 2, 'option-invalid');
    },
  );
});

describe('options that do not go together are refused:', () => {
  it.each([
    [['--start', '5', '--end', '5'], /--end/],
    [['--start', '5', '--end', '2'], /--end/],
    [['--bitrate', '1M', '--quality', 'high'], /--bitrate/],
    [['--classes', 'person'], /--classes/],
    [['--min-score', '0.5'], /--min-score/],
    [['--iou', '0.5'], /--iou/],
    [['--every', '2'], /--every .*--detect or --depth/],
    [['--layout', 'depth'], /--layout .*--depth/],
    [['--detect', '--layout', 'depth'], /--layout .*--depth/],
    [['--detect', '--depth-raw', 'maps'], /--depth-raw .*--depth/],
    [['--depth', 'street-depth', '--layout', 'depth', '--no-overlay'], /--layout .*--no-overlay/],
    [['--depth', 'street-depth', '--min-score', '0.5'], /--min-score .*--detect/],
    [['--segment', '10s'], /--segment .*--jobs/],
    [['--segment', 'whole', '--jobs', '1'], /--segment .*--jobs/],
  ])('%j', async (options, named) => {
    expect(await refused(['run', PATTERN, '-o', 'x.mp4', ...options], 2, 'option-invalid')).toMatch(named);
  });

  it.each([
    ['--codec', 'h264'],
    ['--bitrate', '1M'],
    ['--quality', 'low'],
    ['--size', '64x64'],
    ['--layout', 'depth'],
  ])('%s without an output', async (option, value) => {
    const args = ['run', PATTERN, '--depth', 'street-depth', '--events', '-', option!, value!];
    const stderr = await refused(args, 2, 'option-invalid');
    expect(stderr).toContain(option);
  });
});

describe('wrong usage is refused:', () => {
  it.each([
    { what: 'an unknown option', args: ['run', PATTERN, '-o', 'x.mp4', '--faster'] },
    { what: 'an option without its value', args: ['run', PATTERN, '-o'] },
    { what: 'an unknown command', args: ['walk', PATTERN] },
    { what: 'no input', args: ['run', '-o', 'x.mp4'] },
    { what: 'nothing to do', args: ['run', PATTERN] },
    { what: 'standard input twice', args: ['run', '-', '-', '-o', 'folder/'] },
    { what: 'several inputs into one file', args: ['run', PATTERN, PATTERN, '-o', 'x.mp4'] },
    { what: 'an unknown option of inspect', args: ['inspect', '--faster', 'x.mp4'] },
    { what: 'an unknown subcommand of models', args: ['models', 'buy'] },
  ])('$what', async ({ args }) => {
    await refused(args, 2, 'usage');
  });

  it('an address of a kind that is not read', async () => {
    expect(await refused(['run', 'ftp://host/x.mp4', '-o', 'x.mp4'], 2, 'option-invalid')).toMatch(/http/);
  });

  it('a folder of models that is not there', async () => {
    const args = ['run', PATTERN, '--detect', 'yolox-nano', '--models', '/none/there'];
    expect(await refused(args, 2, 'option-invalid')).toContain('/none/there');
  });

  it('an address that is none', async () => {
    await refused(['run', 'http://', '-o', 'x.mp4'], 2, 'option-invalid');
  });
});

describe('an output is refused', () => {
  it.each([
    { what: 'without a known ending', output: 'x.avi', code: 'output-container' },
    { what: 'without any ending', output: 'x', code: 'output-container' },
    { what: 'in a folder that is not there', output: 'none/x.mp4', code: 'output-unwritable' },
    { what: 'below a file', output: 'package.json/x.mp4', code: 'output-unwritable' },
    { what: 'below a file, as a folder', output: 'package.json/x/', code: 'output-unwritable' },
    { what: 'in the system', output: '/proc/x.mp4', code: 'output-unwritable' },
  ])('$what', async ({ output, code }) => {
    const path = output.startsWith('package.json') ? `${process.cwd()}/${output}` : output;
    await refused(['run', PATTERN, '-o', path], 2, code);
  });

  it.each(['--events', '--stats'])('of %s in a folder that is not there', async (option) => {
    await refused(['run', PATTERN, '-o', 'x.mp4', option, 'none/x.json'], 2, 'output-unwritable');
  });

  it.each(['--events', '--stats'])('of %s that is a folder', async (option) => {
    const stderr = await refused(['run', PATTERN, '-o', 'x.mp4', option, 'folder'], 2, 'output-unwritable');
    expect(stderr).toContain('folder');
  });

  it('and the folders that were made for it go again', async () => {
    const args = [
      'run',
      PATTERN,
      '-o',
      'made/here/',
      '--depth-raw',
      'maps/of/it',
      '--depth',
      'no-such-model',
    ];
    await refused(args, 2, 'model-unknown');
  });

  it('for depth maps: no name, a file in the way, a place that takes no folders', async () => {
    const to = (folder: string) => ['run', PATTERN, '--depth', 'street-depth', '--depth-raw', folder];
    await refused(to(''), 2, 'option-invalid');
    await refused(to(`${process.cwd()}/package.json`), 2, 'output-unwritable');
    await refused(to('/proc/maps-of-it'), 2, 'output-unwritable');
  });
});

describe('help and version', () => {
  it.each([['--help'], ['run', '--help'], ['--version']])('are no errors: %s %s', async (...args) => {
    const { code, stdout } = await edgeRunner(args.filter((arg) => arg !== undefined));
    expect(code).toBe(0);
    expect(stdout).toMatch(/edge-runner|\d+\.\d+\.\d+/);
  });
});
