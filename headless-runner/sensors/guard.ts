import type { LoadReport, PauseReason } from '../../protocol/index.ts';
import type { Schedule } from './schedule.ts';

/** When a machine is to be left alone. */
export interface Limits {
  /** Degrees Celsius of whatever is hottest: from `stop` on it rests, until it is below `warn`. */
  temperature: { warn: number; stop: number };
  /** Whether it works on battery too. */
  onBattery: boolean;
  /** Null for at all hours. */
  schedule: Schedule | null;
}

/** What a look at the machine comes to. */
export interface Verdict {
  /** Why it should take no work now. */
  pause: PauseReason | null;
  /** Whether it may finish what it has; else it gives that back at once. */
  finish: boolean;
  /** What is worth a line in the log, once. */
  warning: string | null;
  /** What is nearly too much, for as long as it is. */
  nearly: string | null;
}

/** Degrees Celsius as they were read last; null where that never was. */
interface Heat {
  processor: number | null;
  gpus: readonly (number | null)[];
}

/** Decides by what the sensors tell whether a machine may work. */
export class Guard {
  readonly #limits: Limits;
  #heat: Heat = { processor: null, gpus: [] };
  #hot = false;
  #warned = false;
  #blind = false;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  look(load: LoadReport, now: Date): Verdict {
    const { temperature, onBattery, schedule } = this.#limits;
    // What stops answering has not cooled: until it is read again it is as hot as it was.
    this.#heat = heatOf(load, this.#heat);
    const { name, degrees, isRead } = hottestOf(this.#heat, load);
    this.#hot = degrees >= temperature.stop || (this.#hot && degrees >= temperature.warn);
    const warning = this.#warningOf(name, degrees, isRead);
    const nearly =
      degrees >= temperature.warn ? `${name} is at ${degrees} °C (stops at ${temperature.stop} °C)` : null;
    const told = { warning, nearly };
    const battery = load.battery && !load.battery.charging && !onBattery;
    const message = this.#hot
      ? `${name} ${isRead ? 'is' : 'was'} at ${degrees} °C; goes on below ${temperature.warn} °C`
      : battery
        ? 'runs on battery'
        : null;
    if (message !== null)
      return { pause: { code: this.#hot ? 'thermal' : 'battery', message }, finish: false, ...told };
    if (schedule && !schedule.isOpen(now))
      // Minutes of work are not thrown away for a minute's punctuality.
      return {
        pause: { code: 'schedule', message: `works again at ${schedule.opens(now)}` },
        finish: true,
        ...told,
      };
    return { pause: null, finish: true, ...told };
  }

  #warningOf(name: string, degrees: number, isRead: boolean): string | null {
    const { warn, stop } = this.#limits.temperature;
    const [warned, blind] = [this.#warned, this.#blind];
    this.#warned = degrees >= warn;
    this.#blind = this.#hot && !isRead;
    if (this.#blind && !blind) return `${name}, last at ${degrees} °C, tells no temperature any more`;
    return this.#warned && !warned ? `${name} is at ${degrees} °C (stops at ${stop} °C)` : null;
  }
}

function heatOf({ temperature, gpus }: LoadReport, before: Heat): Heat {
  // With fewer cards than before nobody knows which of them these are: what is hotter counts, what is cooler does not.
  const fewer = gpus.length < before.gpus.length;
  const all = fewer ? before.gpus : gpus;
  return {
    processor: temperature ?? before.processor,
    gpus: all.map((_, i) => {
      const [read, last] = [gpus[i]?.temperature ?? null, before.gpus[i] ?? null];
      return fewer && read !== null && last !== null ? Math.max(read, last) : (read ?? last);
    }),
  };
}

interface Hottest {
  name: string;
  degrees: number;
  /** Just now. */
  isRead: boolean;
}

function hottestOf(heat: Heat, load: LoadReport): Hottest {
  const all = [
    { name: 'the processor', degrees: heat.processor, isRead: load.temperature !== null },
    ...heat.gpus.map((degrees, i) => ({
      ...{ name: heat.gpus.length > 1 ? `GPU ${i}` : 'the GPU', degrees },
      isRead: (load.gpus[i]?.temperature ?? null) !== null && load.gpus.length === heat.gpus.length,
    })),
  ];
  return all.reduce<Hottest>(
    (most, { name, degrees, isRead }) =>
      degrees !== null && degrees > most.degrees ? { name, degrees: Math.round(degrees), isRead } : most,
    { name: 'nothing', degrees: Number.NEGATIVE_INFINITY, isRead: false },
  );
}
