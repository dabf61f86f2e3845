import { useSignal, useSignalEffect } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useRef } from 'preact/hooks';
import type { ErrorRecord } from '../../../protocol/index.ts';
import { Scrolled } from '../shared/scrolled.tsx';
import { percent } from '../shared/words.ts';
import { attempt } from './session.ts';
import type { Standing, Tone } from './states.ts';
import { stream } from './stream.ts';

/** Small things that several views show. */

export const Chip = ({ tone, word }: Standing) => <span class={`chip tone-${tone}`}>{word}</span>;

/** @param share 0 to 1; null where nobody knows how much there is to do. */
export const Bar = ({
  share,
  label,
  tone = 'busy',
}: {
  share: number | null;
  label: string;
  tone?: Tone;
}) => (
  <span
    class={`bar tone-${tone}`}
    role="progressbar"
    aria-label={label}
    {...(share !== null && {
      'aria-valuenow': Math.round(share * 100),
      'aria-valuemin': 0,
      'aria-valuemax': 100,
    })}
  >
    <span style={{ width: percent(share ?? 0).replace(' ', '') }} />
  </span>
);

export const Refusal = ({ error }: { error: Pick<ErrorRecord, 'message' | 'remedy'> }) => (
  <div class="notice bad" role="alert">
    <p>
      <strong>{error.message}</strong>
    </p>
    <p>{error.remedy}</p>
  </div>
);

/**
 * A cell of a row that has a column of its own where there is room, and else stands with its name below the others.
 * @param words whether it is more than a number, and may break.
 */
export const More = ({
  name,
  words = false,
  children,
}: {
  name: string;
  words?: boolean;
  children: ComponentChildren;
}) => {
  const blank = children === null || children === false;
  return (
    <td class={`more ${words ? '' : 'number'} ${blank ? 'blank' : ''}`} data-name={name}>
      {blank ? '–' : children}
    </td>
  );
};

interface ActionProps {
  work(): Promise<unknown>;
  children: ComponentChildren;
  class?: string;
  /** Asked before, where it cannot be taken back. */
  sure?: string;
  label?: string;
}

/** A button that does something at the server, says while it does, and says what went wrong. */
export function Action({ work, children, class: classes = 'small', sure, label }: ActionProps) {
  const busy = useSignal(false);
  const error = useSignal<ErrorRecord | null>(null);
  // A server that answers again is not one that does not answer.
  useSignalEffect(() => {
    if (!stream.lost.value && error.peek()?.code === 'server-unreachable') error.value = null;
  });
  const act = async () => {
    if (sure && !confirm(sure)) return;
    error.value = null;
    busy.value = true;
    error.value = await attempt(work);
    busy.value = false;
  };
  return (
    <>
      <button type="button" class={classes} disabled={busy.value} aria-label={label} onClick={act}>
        {children}
      </button>
      {error.value && (
        <span role="alert" class="tone-bad chip">
          {error.value.message} {error.value.remedy}
        </span>
      )}
    </>
  );
}

/** Text that is there to be copied. */
export function Copyable({ text, label }: { text: string; label: string }) {
  const copied = useSignal(false);
  const selected = useSignal(false);
  const place = useRef<HTMLPreElement>(null);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Without TLS a page has no clipboard, and with it the browser may refuse it.
      getSelection()!.selectAllChildren(place.current!);
      selected.value = true;
      return;
    }
    selected.value = false;
    copied.value = true;
    setTimeout(() => {
      copied.value = false;
    }, 2_000);
  };
  return (
    <div class="copyable">
      <Scrolled label={label}>
        <pre ref={place}>{text}</pre>
      </Scrolled>
      <button type="button" class="small" onClick={copy} aria-label={`Copy ${label}`}>
        {copied.value ? 'Copied' : 'Copy'}
      </button>
      {selected.value && (
        <p class="quiet" role="status">
          This browser lets the page copy nothing. The text is selected: copy it with Ctrl+C, or ⌘C.
        </p>
      )}
    </div>
  );
}
