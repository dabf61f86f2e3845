import { type ComponentChild, render } from 'preact';

/** Puts a page into its place, where until now it said that it loads. */
export function mount(page: ComponentChild): void {
  const place = document.getElementById('app')!;
  place.replaceChildren();
  render(page, place);
}
