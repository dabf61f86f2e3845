import { createReadStream, watch } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Command, expectNothingLeft, expectRefusal, succeed } from './support/command.ts';
import { frameNumbers } from './support/counter.ts';
import { browserOf, renderersOf } from './support/leftovers.ts';
import { readEvents, summaryOf } from './support/ndjson.ts';
import { hasFfmpeg, needsFfmpeg } from './support/testdata.ts';
import { Workspace } from './support/workspace.ts';

const workspace = Workspace.use();
const SIZE = { width: 320, height: 180 };
/** Long enough to be met in the middle on any machine. */
const ENDLESS = 'pattern:320x180@30:60000';

/** Frames that a run with --json has said are done. */
const framesDone = ({ stdout }: Command) =>
  Number(/.*"type":"progress".*?"frames":(\d+)/s.exec(stdout)?.[1] ?? 0);
const inTheMiddle = (command: Command) => framesDone(command) >= 50;

/** Neither an output nor a part of one, nor a temporary file, nor a process. */
async function expectNoTrace(finished: Awaited<Command['ended']>, output: string): Promise<void> {
  expectNothingLeft(finished);
  expect(await workspace.has(output)).toBe(false);
  expect(await workspace.parts()).toEqual([]);
}

describe.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s', (signal) => {
  it('in the middle of a run ends it with 130 and leaves nothing', async () => {
    const output = workspace.output('.mp4');
    const events = workspace.output('.ndjson');
    const command = await Command.start(['run', ENDLESS, '-o', output, '--events', events, '--json']);
    await command.until(inTheMiddle);
    command.child.kill(signal);
    const finished = await command.ended;
    expectRefusal(finished, 130, 'interrupted');
    await expectNoTrace(finished, output);
    expect(await workspace.has(events)).toBe(false);
  });
});

describe('Ctrl-C', () => {
  it('twice, impatiently, leaves nothing either', async () => {
    const output = workspace.output('.mp4');
    const command = await Command.start(['run', ENDLESS, '-o', output, '--json']);
    await command.until(inTheMiddle);
    command.child.kill('SIGINT');
    command.child.kill('SIGINT');
    // Once more when it has said that it heard.
    await command.until(({ child }) => child.kill('SIGINT'));
    const finished = await command.ended;
    expectRefusal(finished, 130, 'interrupted');
    await expectNoTrace(finished, output);
  });

  it('while the browser starts leaves nothing', async () => {
    const output = workspace.output('.mp4');
    const command = await Command.start(['run', ENDLESS, '-o', output]);
    // The first thing that a run makes is its browser's profile.
    await somethingIn(command.tmp);
    command.child.kill('SIGINT');
    const finished = await command.ended;
    expectRefusal(finished, 130, 'interrupted');
    await expectNoTrace(finished, output);
  });

  it('while a pipe gives nothing more leaves nothing', async () => {
    const clip = workspace.at('piped.mp4');
    await succeed(['run', 'pattern:320x180@30:600', '-o', clip, '--quality', 'high']);
    const output = workspace.output('.mp4');
    const args = ['run', '-', '-o', output, '--quality', 'low', '--json'];
    const command = await Command.start(args, { stdin: null });
    createReadStream(clip, { end: 400_000 }).pipe(command.child.stdin, { end: false });
    await command.until((running) => framesDone(running) > 0);
    command.child.kill('SIGINT');
    const finished = await command.ended;
    expectRefusal(finished, 130, 'interrupted');
    await expectNoTrace(finished, output);
  });

  it('during a copy of packets leaves nothing', async () => {
    const clip = workspace.at('to-copy.mkv');
    await succeed(['run', 'pattern:320x180@30:3000', '-o', clip, '--quality', 'low']);
    const output = workspace.output('.mp4');
    const command = await Command.start(['run', clip, '-o', output, '--json']);
    await command.until((running) => framesDone(running) > 0);
    command.child.kill('SIGINT');
    const finished = await command.ended;
    if (finished.code === 0) return expectNothingLeft(finished);
    expectRefusal(finished, 130, 'interrupted');
    await expectNoTrace(finished, output);
  });
});

describe('a browser that dies in the middle', () => {
  const FRAMES = 2500;
  const start = (output: string, events: string) =>
    Command.start([
      ...['run', `pattern:320x180@30:${FRAMES}`, '-o', output, '--events', events, '--json'],
      // Slow enough to be met in the middle, and again.
      ...['--codec', 'vp9', '--quality', 'high'],
    ]);
  const kill = (pids: number[]) => {
    if (pids.length === 0) throw new Error('the browser of the run was not found');
    for (const pid of pids) process.kill(pid, 'SIGKILL');
  };
  const restarted = ({ stdout }: Command) => /started again/.test(stdout);

  it.each([
    { what: 'whole', victim: browserOf },
    { what: 'in its page', victim: renderersOf },
  ])(
    needsFfmpeg('once, $what, is started again: the output is whole and no event comes twice'),
    async ({ victim }) => {
      const [output, events] = [workspace.output('.mp4'), workspace.output('.ndjson')];
      const command = await start(output, events);
      await command.until(inTheMiddle);
      kill(victim(command.tmp));
      const finished = await command.ended;
      expectNothingLeft(finished);
      expect(finished.code, finished.stderr).toBe(0);
      expect(restarted(command)).toBe(true);
      expect(summaryOf(finished.stdout)).toMatchObject({ frames: FRAMES, truncated: false });
      const { sources, frames, summaries } = readEvents(events);
      expect([sources.length, summaries.length]).toEqual([1, 1]);
      expect(frames.map(({ frame }) => frame)).toEqual(Array.from({ length: FRAMES }, (_, i) => i));
      if (hasFfmpeg) expect(frameNumbers(output, SIZE)).toEqual(frames.map(({ frame }) => frame));
    },
  );

  it('twice fails the run with 1 and leaves nothing', async () => {
    const [output, events] = [workspace.output('.mp4'), workspace.output('.ndjson')];
    const command = await start(output, events);
    await command.until(inTheMiddle);
    kill(browserOf(command.tmp));
    await command.until(restarted);
    const before = command.stdout.length;
    await command.until(({ stdout }) => /"type":"progress"/.test(stdout.slice(before)));
    kill(browserOf(command.tmp));
    const finished = await command.ended;
    expectRefusal(finished, 1, 'browser-died');
    await expectNoTrace(finished, output);
    expect(await workspace.has(events)).toBe(false);
  });
});

describe('a reader that leaves early', () => {
  it.each([
    { what: 'events', args: ['--events', '-'] },
    { what: '--json', args: ['--json'] },
  ])('of $what ends the run with 130 and leaves nothing', async ({ args }) => {
    const output = workspace.output('.mp4');
    const command = await Command.start(['run', ENDLESS, '-o', output, ...args]);
    await command.until(({ stdout }) => stdout.includes('\n'));
    command.child.stdout.destroy();
    const finished = await command.ended;
    expectRefusal(finished, 130, 'interrupted');
    await expectNoTrace(finished, output);
  });
});

describe('a command that is killed outright', () => {
  it('takes its browser with it', async () => {
    const command = await Command.start(['run', ENDLESS, '-o', workspace.output('.mp4'), '--json']);
    await command.until(inTheMiddle);
    command.child.kill('SIGKILL');
    const { left } = await command.ended;
    expect(left.processes).toEqual([]);
  });
});

/** Resolves once there is something in a folder. */
function somethingIn(folder: string): Promise<void> {
  return new Promise((resolve) => {
    const watcher = watch(folder, () => {
      watcher.close();
      resolve();
    });
  });
}
