import { signal } from '@preact/signals';
import { clock } from './words.ts';

const MOST_LINES = 50;
/** Of them, how many are shown. */
const SHOWN = 8;

/** The last first. */
const lines = signal<readonly { at: number; text: string }[]>([]);

/** Something happened that a person may want to look up. */
export function tell(text: string): void {
  lines.value = [{ at: Date.now(), text }, ...lines.value].slice(0, MOST_LINES);
}

export const Log = () =>
  lines.value.length === 0 ? null : (
    <section class="card" aria-label="What happened">
      <ol class="log">
        {lines.value.slice(0, SHOWN).map(({ at, text }) => (
          <li key={`${at} ${text}`}>
            <time class="quiet number">{clock(new Date(at).toISOString())}</time> {text}
          </li>
        ))}
      </ol>
    </section>
  );
