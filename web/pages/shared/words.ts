/** Numbers and times as people read them. */

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'];

export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value >= 100 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** Memory is sold in powers of two. */
export const gib = (count: number): string => `${(count / 2 ** 30).toFixed(count < 2 ** 33 ? 1 : 0)} GiB`;

export const percent = (share: number): string => `${Math.round(100 * share)} %`;

export const rate = (fps: number): string => (fps >= 100 ? `${Math.round(fps)}` : fps.toFixed(1));

/** Seconds as `1 h 5 min`, `3 min 20 s`, `12 s`. */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  const min = Math.floor(s / 60);
  if (min < 60) return s % 60 === 0 ? `${min} min` : `${min} min ${s % 60} s`;
  const h = Math.floor(min / 60);
  if (h < 48) return min % 60 === 0 ? `${h} h` : `${h} h ${min % 60} min`;
  return `${Math.round(h / 24)} days`;
}

export const ago = (at: string | null): string =>
  at === null ? 'never' : `${duration((Date.now() - Date.parse(at)) / 1000)} ago`;

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;

/** Of a time that is not today, the day too. */
export function clock(at: string): string {
  const date = new Date(at);
  const today = date.toDateString() === new Date().toDateString();
  return date.toLocaleString(undefined, {
    ...(!today && { month: 'short', day: 'numeric' }),
    ...{ hour: '2-digit', minute: '2-digit', second: '2-digit' },
  });
}
