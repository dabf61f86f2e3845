/**
 * Colours from far (0) to near (1), evenly spaced and mixed linearly between: lightness grows steadily, so that the map
 * reads in greys too. Matplotlib's `inferno` at 33 places (Smith and van der Walt, CC0), off by at most 1.5 of 255.
 */
export const INFERNO: readonly (readonly [red: number, green: number, blue: number])[] = [
  0x000004, 0x040312, 0x0b0724, 0x150b37, 0x210c4a, 0x2f0a5b, 0x3d0965, 0x4a0c6b, 0x57106e, 0x64156e,
  0x71196e, 0x7d1e6d, 0x8a226a, 0x972766, 0xa32c61, 0xb0315b, 0xbc3754, 0xc63d4d, 0xd04545, 0xda4e3c,
  0xe35933, 0xeb6429, 0xf1711f, 0xf67e14, 0xf98c0a, 0xfb9b06, 0xfcaa0f, 0xfbba1f, 0xf9c932, 0xf5d949,
  0xf2e865, 0xf3f586, 0xfcffa4,
].map((rgb) => [rgb >> 16, (rgb >> 8) & 255, rgb & 255]);

/** @param share 0 to 1. @returns 0–255, unrounded. */
export function infernoAt(share: number): [red: number, green: number, blue: number] {
  const place = share * (INFERNO.length - 1);
  const index = Math.min(INFERNO.length - 2, Math.floor(place));
  const [from, to] = [INFERNO[index]!, INFERNO[index + 1]!];
  const rest = place - index;
  return [
    from[0] + (to[0] - from[0]) * rest,
    from[1] + (to[1] - from[1]) * rest,
    from[2] + (to[2] - from[2]) * rest,
  ];
}
