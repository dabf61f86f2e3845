import { rgbToI420, Street, type StreetOptions } from '../../../models/street/index.ts';
import type { Truth } from '../../../protocol/index.ts';

export type StreetRequest = { type: 'open'; options: StreetOptions } | { type: 'paint'; index: number };
export interface StreetReply {
  index: number;
  planes: ArrayBuffer;
  truth: Truth[];
}

let street: Street;

/** Renders frames of one street; each request to paint gets one reply. */
self.onmessage = ({ data }: MessageEvent<StreetRequest>) => {
  if (data.type === 'open') {
    street = new Street(data.options);
    return;
  }
  const { width, height } = street.options;
  const { color, truth } = street.frame(data.index);
  const planes = new Uint8ClampedArray(width * height + 2 * ((width + 1) >> 1) * ((height + 1) >> 1));
  rgbToI420(color, width, height, planes);
  const reply: StreetReply = {
    index: data.index,
    planes: planes.buffer,
    truth: truth.map(({ class: name, classId, id, box, visible }) => ({
      class: name,
      id: classId,
      track: id,
      box,
      visible: Number(visible.toFixed(3)),
    })),
  };
  self.postMessage(reply, { transfer: [planes.buffer] });
};
