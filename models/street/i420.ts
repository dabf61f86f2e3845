/**
 * RGB as packed I420 planes, BT.709, limited range.
 * @param color RGB, 3 bytes a pixel
 * @param planes width · height + 2 · ⌈width / 2⌉ · ⌈height / 2⌉ bytes
 */
export function rgbToI420(
  color: Uint8ClampedArray,
  width: number,
  height: number,
  planes: Uint8ClampedArray,
): void {
  const chromaWidth = (width + 1) >> 1;
  const u = width * height;
  const v = u + chromaWidth * ((height + 1) >> 1);
  for (let i = 0, at = 0; i < u; i++, at += 3)
    planes[i] = 16 + 0.182586 * color[at]! + 0.614231 * color[at + 1]! + 0.062007 * color[at + 2]!;
  for (let y = 0; y < height; y += 2) {
    const below = y + 1 < height ? width * 3 : 0;
    for (let x = 0; x < width; x += 2) {
      const at = (y * width + x) * 3;
      const right = x + 1 < width ? 3 : 0;
      const mean = (c: number) =>
        (color[at + c]! + color[at + right + c]! + color[at + below + c]! + color[at + below + right + c]!) /
        4;
      const [r, g, b] = [mean(0), mean(1), mean(2)];
      const chroma = (y >> 1) * chromaWidth + (x >> 1);
      planes[u + chroma] = 128 - 0.100644 * r - 0.338572 * g + 0.439216 * b;
      planes[v + chroma] = 128 + 0.439216 * r - 0.398942 * g - 0.040274 * b;
    }
  }
}
