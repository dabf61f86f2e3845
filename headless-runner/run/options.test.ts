import { describe, expect, it } from 'vitest';
import { EdgeRunnerError } from '../../protocol/index.ts';
import {
  checkTogether,
  type JobOptions,
  MOST_JOBS,
  readBitrate,
  readClasses,
  readCount,
  readHeader,
  readSegment,
  readShare,
  readSize,
  readTime,
} from './options.ts';

const refusal = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof EdgeRunnerError) return error.code;
    throw error;
  }
  return 'accepted';
};

describe('option values', () => {
  it.each([
    ['4M', 4e6],
    ['800k', 8e5],
    ['2.5M', 2.5e6],
    ['64000', 64000],
  ])('a bitrate of %s is %d bits per second', (text, bits) => {
    expect(readBitrate(text)).toBe(bits);
  });

  it.each([
    ['3.5', 3.5],
    ['90', 90],
    ['1:30', 90],
    ['1:02:03.5', 3723.5],
  ])('a time of %s is %d seconds', (text, seconds) => {
    expect(readTime('--start')(text)).toBe(seconds);
  });

  it('a size, classes, a header and a share are read', () => {
    expect(readSize('1280x720')).toEqual({ width: 1280, height: 720 });
    expect(readClasses('person, car')).toEqual(['person', 'car']);
    expect(readHeader('X-Key: a: b', { A: '1' })).toEqual({ A: '1', 'X-Key': 'a: b' });
    expect(readShare('--iou')('0.65')).toBe(0.65);
    expect(readCount('--every', 1)('3')).toBe(3);
  });

  it('jobs and the length of segments are read', () => {
    expect(readCount('--jobs', 1, MOST_JOBS)('16')).toBe(16);
    expect(['2', '10s', '2.5s', 'whole'].map(readSegment)).toEqual([2, 10, 2.5, 'whole']);
  });

  it.each([
    ['--bitrate', () => readBitrate('fast')],
    ['--bitrate', () => readBitrate('0')],
    ['--size', () => readSize('1280*720')],
    ['--size', () => readSize('0x10')],
    ['--start', () => readTime('--start')('-1')],
    ['--min-score', () => readShare('--min-score')('1.5')],
    ['--iou', () => readShare('--iou')('')],
    ['--every', () => readCount('--every', 1)('0')],
    ['--every', () => readCount('--every', 1)('1.5')],
    ['--jobs', () => readCount('--jobs', 1, MOST_JOBS)('0')],
    ['--jobs', () => readCount('--jobs', 1, MOST_JOBS)('17')],
    ['--jobs', () => readCount('--jobs', 1, MOST_JOBS)('2.5')],
    ['--segment', () => readSegment('1')],
    ['--segment', () => readSegment('10m')],
    ['--classes', () => readClasses('person,,car')],
    ['--header', () => readHeader('no colon', {})],
    ['--header', () => readHeader('X: a\r\nB: c', {})],
  ])('%s refuses a wrong value', (_option, read) => {
    expect(refusal(read)).toBe('option-invalid');
  });
});

describe('options together', () => {
  const options = (over: Partial<JobOptions>): JobOptions => ({
    overlay: true,
    backend: 'auto',
    header: {},
    realtime: false,
    strict: false,
    json: false,
    ...over,
  });

  it('an end before the start is refused', () => {
    expect(refusal(() => checkTogether(options({ output: 'a.mp4', start: 5, end: 5 })))).toBe(
      'option-invalid',
    );
  });

  it('bitrate and quality exclude each other', () => {
    expect(refusal(() => checkTogether(options({ output: 'a.mp4', bitrate: 1e6, quality: 'low' })))).toBe(
      'option-invalid',
    );
  });

  it('options of a detection without --detect are refused', () => {
    expect(refusal(() => checkTogether(options({ output: 'a.mp4', every: 2 })))).toBe('option-invalid');
  });

  it('nothing to do is a wrong usage, and --detect alone writes events to standard output', () => {
    expect(refusal(() => checkTogether(options({})))).toBe('usage');
    const alone = options({ detect: 'yolox-nano' });
    checkTogether(alone);
    expect(alone.events).toBe('-');
  });
});
