/** Text that may be larger than its place; who has no mouse scrolls it too. */
export const Scrolled = ({ text, label }: { text: string; label: string }) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
  <section class="scrolled" tabIndex={0} aria-label={label}>
    <pre>{text}</pre>
  </section>
);
