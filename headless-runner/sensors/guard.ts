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
}

/** Decides by what the sensors tell whether a machine may work. */
export class Guard {
  readonly #limits: Limits;
  #hot = false;
  #warned = false;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  look(load: LoadReport, now: Date): Verdict {
    const { temperature, onBattery, schedule } = this.#limits;
    const [hottest, degrees] = hottestOf(load);
    this.#hot = degrees >= temperature.stop || (this.#hot && degrees >= temperature.warn);
    const warm = degrees >= temperature.warn;
    const warning =
      warm && !this.#warned ? `${hottest} is at ${degrees} °C (stops at ${temperature.stop} °C)` : null;
    this.#warned = warm;
    const battery = load.battery && !load.battery.charging && !onBattery;
    const message = this.#hot
      ? `${hottest} is at ${degrees} °C; goes on below ${temperature.warn} °C`
      : battery
        ? 'runs on battery'
        : null;
    if (message !== null)
      return { pause: { code: this.#hot ? 'thermal' : 'battery', message }, finish: false, warning };
    if (schedule && !schedule.isOpen(now))
      // Minutes of work are not thrown away for a minute's punctuality.
      return {
        pause: { code: 'schedule', message: `works again at ${schedule.opens(now)}` },
        finish: true,
        warning,
      };
    return { pause: null, finish: true, warning };
  }
}

function hottestOf({ temperature, gpus }: LoadReport): [string, number] {
  const all: [string, number | null][] = [
    ['the processor', temperature],
    ...gpus.map((gpu, i): [string, number | null] => [
      gpus.length > 1 ? `GPU ${i}` : 'the GPU',
      gpu.temperature,
    ]),
  ];
  return all.reduce<[string, number]>(
    (most, [name, degrees]) => (degrees !== null && degrees > most[1] ? [name, Math.round(degrees)] : most),
    ['nothing', Number.NEGATIVE_INFINITY],
  );
}
