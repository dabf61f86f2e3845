import { type BannerLayer, type BannerState, parseBanner } from '../../../protocol/index.ts';

export type LayerKind = BannerLayer['kind'];

export const KIND_WORDS: Record<LayerKind, string> = {
  'lower-third': 'Lower third',
  logo: 'Logo',
  ticker: 'Ticker',
  clock: 'Clock',
  'picture-in-picture': 'Picture in picture',
};

/** What a new layer of each kind says. */
const FIRST: Record<LayerKind, object> = {
  'lower-third': { title: 'Ada Lovelace', subtitle: 'On the analytical engine', animation: 'slide' },
  logo: { image: starImage() },
  ticker: {
    text: 'Video AI on your own GPUs, in a browser  ·  the picture never leaves this machine',
    animation: 'slide',
  },
  clock: {},
  'picture-in-picture': {},
};

export const FIRST_BANNER: BannerState = parseBanner({
  layers: [
    { id: 'name', kind: 'lower-third', ...FIRST['lower-third'] },
    { id: 'logo', kind: 'logo', ...FIRST.logo },
    { id: 'clock', kind: 'clock' },
    { id: 'news', kind: 'ticker', shown: false, ...FIRST.ticker },
  ],
});

/** The banner with another layer, which nobody sees yet. */
export function withLayer(banner: BannerState, kind: LayerKind): { banner: BannerState; id: string } {
  const taken = new Set(banner.layers.map((layer) => layer.id));
  let n = 1;
  while (taken.has(`${kind}-${n}`)) n++;
  const id = `${kind}-${n}`;
  return {
    banner: parseBanner({
      ...banner,
      layers: [...banner.layers, { id, kind, shown: false, ...FIRST[kind] }],
    }),
    id,
  };
}

export const withChange = (banner: BannerState, id: string, change: object): BannerState =>
  parseBanner({
    ...banner,
    layers: banner.layers.map((layer) => (layer.id === id ? { ...layer, ...change } : layer)),
  });

export const without = (banner: BannerState, id: string): BannerState => ({
  ...banner,
  layers: banner.layers.filter((layer) => layer.id !== id),
});

/** The layer one place further up or down: later ones lie over earlier ones. */
export function moved(banner: BannerState, id: string, by: -1 | 1): BannerState {
  const layers = [...banner.layers];
  const from = layers.findIndex((layer) => layer.id === id);
  const to = from + by;
  if (from < 0 || to < 0 || to >= layers.length) return banner;
  [layers[from], layers[to]] = [layers[to]!, layers[from]!];
  return { ...banner, layers };
}

/** Something to begin with, until there is a logo of one's own. */
function starImage(): string {
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width: 320, height: 320 });
  const context = canvas.getContext('2d')!;
  context.translate(160, 160);
  context.fillStyle = '#0b5fc4';
  context.beginPath();
  context.arc(0, 0, 156, 0, 2 * Math.PI);
  context.fill();
  context.fillStyle = '#ffffff';
  context.beginPath();
  for (let point = 0; point < 10; point++) {
    const radius = point % 2 === 0 ? 118 : 50;
    const angle = (point * Math.PI) / 5 - Math.PI / 2;
    context.lineTo(radius * Math.cos(angle), radius * Math.sin(angle));
  }
  context.fill();
  return canvas.toDataURL('image/png');
}
