import { EdgeRunnerError } from '../../protocol/index.ts';

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const DAY_MINUTES = 24 * 60;
const WEEK_MINUTES = 7 * DAY_MINUTES;
const RANGE = /^(?:([a-z]{3})(?:-([a-z]{3}))?\s+)?(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})$/;

/** The hours in which a machine works, by its own clock and time zone. */
export class Schedule {
  /** By minute of the week, from Sunday 0:00 on. */
  readonly #open: boolean[];

  private constructor(open: boolean[]) {
    this.#open = open;
  }

  /**
   * @param text such as `22:00-07:00` or `mon-fri 22:00-07:00, sat-sun 00:00-24:00`.
   * @throws {EdgeRunnerError} `option-invalid`
   */
  static read(text: string): Schedule {
    const open = new Array<boolean>(WEEK_MINUTES).fill(false);
    for (const range of text.toLowerCase().split(/[,;]/)) {
      const { days, from, to } = readRange(range.trim(), text);
      // Up to an earlier time is up to it on the next day.
      const minutes = to > from ? to - from : to + DAY_MINUTES - from;
      for (const day of days)
        for (let i = 0; i < minutes; i++) open[(day * DAY_MINUTES + from + i) % WEEK_MINUTES] = true;
    }
    return new Schedule(open);
  }

  isOpen(now: Date): boolean {
    return this.#open[minuteOfWeek(now)]!;
  }

  /** When it opens next, as people write it: `22:00`, or `mon 22:00` where that is not within a day. */
  opens(now: Date): string {
    const minute = minuteOfWeek(now);
    const wait = this.#open.map((_, i) => this.#open[(minute + i) % WEEK_MINUTES]).indexOf(true);
    const at = (minute + wait) % WEEK_MINUTES;
    const time = [Math.floor((at % DAY_MINUTES) / 60), at % 60].map((n) => `${n}`.padStart(2, '0')).join(':');
    return wait < DAY_MINUTES ? time : `${DAYS[Math.floor(at / DAY_MINUTES)]} ${time}`;
  }
}

const minuteOfWeek = (now: Date): number =>
  now.getDay() * DAY_MINUTES + now.getHours() * 60 + now.getMinutes();

function readRange(range: string, text: string): { days: number[]; from: number; to: number } {
  const [, first, last = first, ...times] = RANGE.exec(range) ?? [];
  const [fromHour = 99, fromMinute = 99, toHour = 99, toMinute = 99] = times.map(Number);
  const from = fromHour * 60 + fromMinute;
  const to = toHour * 60 + toMinute;
  const [begin, end] = [first ?? 'sun', last ?? 'sat'].map((day) => DAYS.indexOf(day)) as [number, number];
  const right = fromMinute < 60 && toMinute < 60 && from < DAY_MINUTES && to <= DAY_MINUTES && from !== to;
  if (!right || begin < 0 || end < 0)
    throw new EdgeRunnerError(
      'option-invalid',
      `--schedule does not take "${text}".`,
      'Give hours such as "22:00-07:00", or with days "mon-fri 22:00-07:00, sat-sun 00:00-24:00".',
    );
  // From Friday to Monday goes through the weekend.
  const days = Array.from({ length: ((end - begin + 7) % 7) + 1 }, (_, i) => (begin + i) % 7);
  return { days, from, to };
}
