import { EdgeRunnerError } from '../../../protocol/index.ts';

/** px; a logo is a part of a picture. */
const WIDEST = 640;
/** Characters of an address: what a banner may hold of it. */
const MOST = 500_000;

/** A picture of the person's, as PNG or, where that is too large, WebP, in a `data:` address. */
export async function logoFrom(file: File): Promise<string> {
  const url = URL.createObjectURL(file);
  try {
    const image = new Image();
    image.src = url;
    await image.decode().catch(() => {
      throw new EdgeRunnerError(
        'banner-invalid',
        `${file.name} is no picture that this browser can read.`,
        'Choose a PNG, SVG, JPEG or WebP.',
      );
    });
    // An SVG may say nothing of its size.
    const [width, height] = [image.naturalWidth || WIDEST, image.naturalHeight || WIDEST];
    const canvas = document.createElement('canvas');
    const scale = Math.min(1, WIDEST / Math.max(width, height));
    Object.assign(canvas, { width: Math.max(1, width * scale), height: Math.max(1, height * scale) });
    const context = canvas.getContext('2d')!;
    context.imageSmoothingQuality = 'high';
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    const png = canvas.toDataURL('image/png');
    return png.length <= MOST ? png : canvas.toDataURL('image/webp', 0.9);
  } finally {
    URL.revokeObjectURL(url);
  }
}
