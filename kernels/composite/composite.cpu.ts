import type { Picture } from '../picture.ts';
import { bitmapPatch } from './bitmap-patch.ts';
import { blendPatch } from './blend.ts';
import { FramePatcher } from './frame-patch.ts';
import { type Bitmap, type CompositeLayer, placeLayer } from './layer.ts';
import type { Patch } from './patch.ts';

/**
 * Lays banners and other pictures over upright pictures of any format, in place. What a bitmap becomes in the samples
 * of a picture is kept as long as the bitmap, for one kind of picture: use one of these for each.
 */
export class CompositeCpu {
  readonly #frames = new FramePatcher();
  #patches = new WeakMap<Bitmap, Patch>();
  #patchesFor = '';

  /** @param layers undermost first; may reach outside the picture on every side. */
  draw(picture: Picture, layers: readonly CompositeLayer<Picture>[]): void {
    for (const layer of layers) {
      const place = placeLayer(layer, picture.width, picture.height);
      if (!place) continue;
      if (layer.kind === 'bitmap') {
        blendPatch(picture, this.#patchOf(layer.bitmap, picture), place, layer.opacity);
      } else {
        const { left, top } = place.shown;
        const patch = this.#frames.patch(layer, place, picture);
        blendPatch(picture, patch, { ...place, left, top }, layer.opacity);
      }
    }
  }

  #patchOf(bitmap: Bitmap, picture: Picture): Patch {
    const { color, bits } = picture;
    const kind = `${color.matrix} ${color.fullRange} ${bits}`;
    if (kind !== this.#patchesFor) {
      this.#patches = new WeakMap();
      this.#patchesFor = kind;
    }
    let patch = this.#patches.get(bitmap);
    if (!patch) {
      patch = bitmapPatch(bitmap, picture);
      this.#patches.set(bitmap, patch);
    }
    return patch;
  }
}
