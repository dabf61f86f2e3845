import type { ComponentChildren } from 'preact';

/** What may be larger than its place; who has no mouse scrolls it too. */
export const Scrolled = ({ label, children }: { label: string; children: ComponentChildren }) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
  <section class="scrolled" tabIndex={0} aria-label={label}>
    {children}
  </section>
);
