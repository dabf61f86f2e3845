import { effect } from '@preact/signals';
import { choices, phase } from './contributor.ts';

/** Keeps the screen on while somebody wants that, the tab is shown and the device is a node. */
export function keepAwake(): void {
  if (!('wakeLock' in navigator)) return;
  let held: WakeLockSentinel | null = null;
  const hold = async () => {
    const wanted = choices.value.keepAwake && phase.value === 'node' && !document.hidden;
    if (!wanted) {
      await held?.release();
      held = null;
      // The browser lets go of it by itself whenever the tab is hidden.
    } else if (!held || held.released) {
      // Refused on a low battery, among others: then the screen goes off, and the work goes on.
      held = await navigator.wakeLock.request('screen').catch(() => null);
    }
  };
  // One after the other: of two that are asked for at once one would be nobody's.
  let turn = Promise.resolve();
  const next = () => {
    turn = turn.then(hold);
  };
  effect(() => {
    void choices.value.keepAwake;
    void phase.value;
    next();
  });
  document.addEventListener('visibilitychange', next);
}
