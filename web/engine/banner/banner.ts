import type { Bitmap, View } from '../../../kernels/index.ts';
import type { BannerLayer, BannerState } from '../../../protocol/index.ts';
import { Appearance } from './appearance.ts';
import {
  type BannerSize,
  clockBitmap,
  clockWords,
  logoBitmap,
  lowerThirdBitmap,
  plainBitmap,
  scaleOf,
  tickerBand,
  tickerHeight,
  tickerText,
} from './bitmaps.ts';
import { insetSize, type Layer, moved, Places, sideOf } from './places.ts';

/** What a banner is asked for: the layers of one frame. */
export interface BannerMoment extends BannerSize {
  /** Of a clock that only goes forward. */
  seconds: number;
  /** What clocks show. */
  date: Date;
  /** The second picture, where there is one. */
  inset: { frame: VideoFrame; view: View } | null;
}

interface Standing {
  layer: BannerLayer;
  appearance: Appearance;
  /** What was drawn for it; null where that shows something else than the layer does now. */
  drawn: Drawn | null;
}

interface Drawn extends BannerSize {
  /** What of it changes by itself. */
  words: string;
  bitmaps: Bitmap[];
}

/** px at 720 lines, around a second picture. */
const BORDER = 3;

/** A banner as it stands over the frames of a picture: bitmaps are drawn when they change, and placed for each frame. */
export class Banner {
  #standing = new Map<string, Standing>();
  readonly #fail: (message: string) => void;

  /** @param fail told of what cannot be drawn. */
  constructor(fail: (message: string) => void) {
    this.#fail = fail;
  }

  get isEmpty(): boolean {
    return this.#standing.size === 0;
  }

  /** Takes another state; what comes and what goes does so from now on. */
  set({ layers }: BannerState, seconds: number): void {
    const next = new Map<string, Standing>();
    for (const layer of layers) {
      const before = this.#standing.get(layer.id);
      const same = before?.layer.kind === layer.kind ? before : null;
      const appearance = same?.appearance ?? new Appearance(layer.shown, seconds);
      appearance.show(layer.shown, seconds);
      const drawn = same && looksAlike(same.layer, layer) ? same.drawn : null;
      next.set(layer.id, { layer, appearance, drawn });
    }
    // What is no longer named goes as it would have gone.
    for (const [id, gone] of this.#standing) {
      if (next.has(id)) continue;
      gone.appearance.show(false, seconds);
      if (gone.appearance.progress(seconds) > 0) next.set(id, gone);
    }
    this.#standing = next;
    this.#named = new Set(layers.map(({ id }) => id));
  }

  #named = new Set<string>();

  /** The layers of one frame, undermost first. */
  layersAt(moment: BannerMoment): Layer[] {
    const places = new Places(moment, this.#tickerHeights(moment));
    const layers: Layer[] = [];
    for (const [id, standing] of this.#standing) {
      const progress =
        standing.layer.animation === 'none'
          ? instant(standing.layer)
          : standing.appearance.progress(moment.seconds);
      if (progress > 0) layers.push(...this.#layersOf(standing, progress, moment, places));
      else if (!this.#named.has(id)) this.#standing.delete(id);
    }
    return layers;
  }

  #layersOf(standing: Standing, progress: number, moment: BannerMoment, places: Places): Layer[] {
    const { layer } = standing;
    switch (layer.kind) {
      case 'lower-third': {
        const [bitmap] = this.#drawn(standing, '', moment, () => [lowerThirdBitmap(layer, moment)]);
        const { left, top } = places.lowerThird(layer.side, bitmap!);
        return [
          moved(
            { kind: 'bitmap', bitmap: bitmap!, left, top, opacity: 1 },
            layer,
            progress,
            layer.side,
            moment,
          ),
        ];
      }
      case 'clock': {
        const words = clockWords(layer, moment.date);
        const [bitmap] = this.#drawn(standing, words, moment, () => [clockBitmap(layer, words, moment)]);
        const { left, top } = places.corner(layer.corner, bitmap!);
        return [
          moved(
            { kind: 'bitmap', bitmap: bitmap!, left, top, opacity: 1 },
            layer,
            progress,
            sideOf(layer.corner),
            moment,
          ),
        ];
      }
      case 'logo': {
        const [bitmap] = this.#drawn(standing, '', moment, () => this.#loadLogo(layer, moment));
        if (!bitmap) return [];
        const { left, top } = places.corner(layer.corner, bitmap);
        return [
          moved(
            { kind: 'bitmap', bitmap, left, top, opacity: layer.opacity },
            layer,
            progress,
            sideOf(layer.corner),
            moment,
          ),
        ];
      }
      case 'ticker':
        return this.#ticker(standing, layer, progress, moment);
      case 'picture-in-picture':
        return this.#inset(standing, layer, progress, moment, places);
    }
  }

  #ticker(
    standing: Standing,
    layer: Extract<BannerLayer, { kind: 'ticker' }>,
    progress: number,
    moment: BannerMoment,
  ): Layer[] {
    const { width, height, seconds } = moment;
    const { edge, speed } = layer;
    const [band, ...pieces] = this.#drawn(standing, '', moment, () => [
      tickerBand(layer, moment),
      ...tickerText(layer, moment),
    ]);
    const high = tickerHeight(moment);
    const place = edge === 'top' ? 0 : height - high;
    const away =
      layer.animation === 'slide' ? Math.round((1 - progress) * high) * (edge === 'top' ? -1 : 1) : 0;
    const opacity = layer.animation === 'fade' ? progress : 1;
    const layers: Layer[] = [{ kind: 'bitmap', bitmap: band!, left: 0, top: place + away, opacity }];
    const long = pieces.reduce((sum, piece) => sum + piece.width, 0);
    if (long === 0) return layers;
    const period = long + Math.round(width / 4);
    const run = Math.round(Math.max(0, seconds - standing.appearance.since) * speed * width);
    const first = Math.max(0, Math.ceil((run - width - long) / period));
    for (let pass = first; pass * period <= run; pass++) {
      let left = width - run + pass * period;
      for (const piece of pieces) {
        if (left < width && left + piece.width > 0)
          layers.push({ kind: 'bitmap', bitmap: piece, left, top: place + away, opacity });
        left += piece.width;
      }
    }
    return layers;
  }

  #inset(
    standing: Standing,
    layer: Extract<BannerLayer, { kind: 'picture-in-picture' }>,
    progress: number,
    moment: BannerMoment,
    places: Places,
  ): Layer[] {
    if (!moment.inset) return [];
    const { frame, view } = moment.inset;
    const border = Math.max(1, Math.round(BORDER * scaleOf(moment)));
    const { width, height } = insetSize(layer.width, view, moment);
    const outer = { width: width + 2 * border, height: height + 2 * border };
    const [across, down] = this.#drawn(standing, `${outer.width} ${outer.height}`, moment, () => [
      plainBitmap(outer.width, border, layer.border),
      plainBitmap(border, height, layer.border),
    ]);
    const { left, top } = places.corner(layer.corner, outer);
    const parts: Layer[] = [
      { kind: 'frame', frame, view, left: left + border, top: top + border, width, height, opacity: 1 },
      { kind: 'bitmap', bitmap: across!, left, top, opacity: 1 },
      { kind: 'bitmap', bitmap: across!, left, top: top + border + height, opacity: 1 },
      { kind: 'bitmap', bitmap: down!, left, top: top + border, opacity: 1 },
      { kind: 'bitmap', bitmap: down!, left: left + border + width, top: top + border, opacity: 1 },
    ];
    return parts.map((part) => moved(part, layer, progress, sideOf(layer.corner), moment, outer.width));
  }

  /** Draws it where it is not what was drawn last. @param words what of it changes by itself */
  #drawn(standing: Standing, words: string, { width, height }: BannerSize, draw: () => Bitmap[]): Bitmap[] {
    const { drawn } = standing;
    if (drawn?.words === words && drawn.width === width && drawn.height === height) return drawn.bitmaps;
    standing.drawn = { words, width, height, bitmaps: [] };
    standing.drawn.bitmaps = draw();
    return standing.drawn.bitmaps;
  }

  /** Comes when it has been read. */
  #loadLogo(layer: Extract<BannerLayer, { kind: 'logo' }>, size: BannerSize): Bitmap[] {
    const bitmaps: Bitmap[] = [];
    logoBitmap(layer, size).then(
      (bitmap) => bitmaps.push(bitmap),
      () => this.#fail(`the picture of the layer "${layer.id}" cannot be read`),
    );
    return bitmaps;
  }

  /** What the tickers take away of the picture's edges. */
  #tickerHeights(moment: BannerMoment): { top: number; bottom: number } {
    const taken = { top: 0, bottom: 0 };
    for (const { layer, appearance } of this.#standing.values()) {
      if (layer.kind !== 'ticker') continue;
      const progress = layer.animation === 'none' ? instant(layer) : appearance.progress(moment.seconds);
      taken[layer.edge] = Math.max(taken[layer.edge], Math.round(progress * tickerHeight(moment)));
    }
    return taken;
  }
}

/** Whether two states of a layer show the same, wherever it is and however it comes. */
function looksAlike(a: BannerLayer, b: BannerLayer): boolean {
  const look = (layer: BannerLayer) =>
    JSON.stringify({ ...layer, shown: true, animation: 'none', corner: null, opacity: 1 });
  return look(a) === look(b);
}

const instant = ({ shown }: BannerLayer): number => (shown ? 1 : 0);
