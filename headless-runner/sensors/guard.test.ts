import { describe, expect, it } from 'vitest';
import type { LoadReport } from '../../protocol/index.ts';
import { Guard } from './guard.ts';
import { Schedule } from './schedule.ts';

const load = (more: Partial<LoadReport> = {}): LoadReport => ({
  ...{ cpu: 0.1, memory: 0.1, temperature: 50, gpus: [], battery: null },
  ...more,
});
const gpu = (temperature: number | null) => ({ load: 1, memory: 0.5, temperature });
const limits = { temperature: { warn: 80, stop: 90 }, onBattery: false, schedule: null };
/** A Wednesday. */
const at = (time: string) => new Date(`2026-11-18T${time}:00`);
const NOON = at('12:00');

describe('a guard', () => {
  it('says for as long as it is so what is nearly too much', () => {
    const guard = new Guard(limits);
    const nearly = (degrees: number) => guard.look(load({ gpus: [gpu(degrees)] }), NOON).nearly;
    expect([60, 81, 84, 79].map(nearly)).toEqual([
      null,
      'the GPU is at 81 °C (stops at 90 °C)',
      'the GPU is at 84 °C (stops at 90 °C)',
      null,
    ]);
  });

  it('warns once, stops at the limit, and goes on below the warning only', () => {
    const guard = new Guard(limits);
    const seen = [60, 81, 84, 91, 85, 79, 82].map((degrees) => {
      const { pause, finish, warning } = guard.look(load({ gpus: [gpu(40), gpu(degrees)] }), NOON);
      return [pause?.code ?? null, pause ? finish : null, warning !== null];
    });
    expect(seen).toEqual([
      [null, null, false],
      [null, null, true],
      [null, null, false],
      ['thermal', false, false],
      ['thermal', false, false],
      [null, null, false],
      [null, null, true],
    ]);
    expect(guard.look(load({ gpus: [gpu(40), gpu(95)] }), NOON).pause!.message).toBe(
      'GPU 1 is at 95 °C; goes on below 80 °C',
    );
  });

  it('knows nothing of what nothing measures', () => {
    expect(new Guard(limits).look(load({ temperature: null, gpus: [gpu(null)] }), NOON).pause).toBeNull();
  });

  it('rests until it is read that what was too hot has cooled, and says once that nothing is read', () => {
    const guard = new Guard(limits);
    const looks: LoadReport['gpus'][] = [
      ...[[gpu(93)], [], [], [gpu(null)], [gpu(85)], [], [gpu(79)], [], [gpu(93)]],
    ];
    const seen = looks.map((gpus) => {
      const { pause, warning } = guard.look(load({ gpus }), NOON);
      return [pause?.message ?? null, warning];
    });
    expect(seen).toEqual([
      ['the GPU is at 93 °C; goes on below 80 °C', 'the GPU is at 93 °C (stops at 90 °C)'],
      ['the GPU was at 93 °C; goes on below 80 °C', 'the GPU, last at 93 °C, tells no temperature any more'],
      ['the GPU was at 93 °C; goes on below 80 °C', null],
      ['the GPU was at 93 °C; goes on below 80 °C', null],
      ['the GPU is at 85 °C; goes on below 80 °C', null],
      ['the GPU was at 85 °C; goes on below 80 °C', 'the GPU, last at 85 °C, tells no temperature any more'],
      [null, null],
      [null, null],
      ['the GPU is at 93 °C; goes on below 80 °C', 'the GPU is at 93 °C (stops at 90 °C)'],
    ]);
  });

  it('takes no other reading for that of what was too hot', () => {
    const pausesAfter = (hot: Partial<LoadReport>, ...then: Partial<LoadReport>[]) => {
      const guard = new Guard(limits);
      return [hot, ...then].map((more) => guard.look(load(more), NOON).pause !== null);
    };
    expect(pausesAfter({ temperature: 95 }, { temperature: null, gpus: [gpu(40)] }, {})).toEqual([
      ...[true, true, false],
    ]);
    // Of two cards the one that is left may be the other one.
    expect(
      pausesAfter({ gpus: [gpu(95), gpu(40)] }, { gpus: [gpu(40)] }, { gpus: [gpu(50), gpu(40)] }),
    ).toEqual([...[true, true, false]]);
  });

  it('rests on battery unless told otherwise', () => {
    const battery = { level: 0.8, charging: false };
    expect(new Guard(limits).look(load({ battery }), NOON)).toMatchObject({
      pause: { code: 'battery' },
      finish: false,
    });
    expect(new Guard(limits).look(load({ battery: { ...battery, charging: true } }), NOON).pause).toBeNull();
    expect(new Guard({ ...limits, onBattery: true }).look(load({ battery }), NOON).pause).toBeNull();
  });

  it('lets what is under way end when its hours are over', () => {
    const guard = new Guard({ ...limits, schedule: Schedule.read('22:00-07:00') });
    expect(guard.look(load(), NOON)).toMatchObject({
      pause: { code: 'schedule', message: 'works again at 22:00' },
      finish: true,
    });
    expect(guard.look(load(), at('23:00')).pause).toBeNull();
  });
});

describe('a schedule', () => {
  const open = (text: string, ...times: string[]) =>
    times.map((time) => Schedule.read(text).isOpen(at(time)));

  it('goes over midnight, has several ranges, and days', () => {
    expect(open('22:00-07:00', '21:59', '22:00', '00:00', '06:59', '07:00')).toEqual([
      ...[false, true, true, true, false],
    ]);
    expect(open('0:00-6:00, 12:00-13:00', '05:00', '07:00', '12:59', '13:00')).toEqual([
      ...[true, false, true, false],
    ]);
    expect(open('sat-sun 00:00-24:00', '12:00')).toEqual([false]);
    // Tuesday's night ends on Wednesday morning.
    expect(open('tue 22:00-07:00', '06:00', '23:00')).toEqual([true, false]);
    expect(open('fri-wed 10:00-11:00', '10:30')).toEqual([true]);
    expect(open('thu-tue 10:00-11:00', '10:30')).toEqual([false]);
  });

  it('says when it opens', () => {
    expect(Schedule.read('22:00-07:00').opens(at('08:00'))).toBe('22:00');
    expect(Schedule.read('sat 08:30-09:00').opens(at('08:00'))).toBe('sat 08:30');
    expect(Schedule.read('thu 07:00-08:00').opens(at('08:00'))).toBe('07:00');
  });

  it.each(['', 'at night', '25:00-07:00', '22:60-07:00', '22:00-22:00', 'xyz 22:00-07:00', '22:00'])(
    'is not "%s"',
    (text) => {
      expect(() => Schedule.read(text)).toThrow(expect.objectContaining({ code: 'option-invalid' }));
    },
  );
});
