import {
  type BitmapLayer,
  BufferUsage,
  CompositeGpu,
  DETECTION_BYTES,
  DepthColorGpu,
  DepthRangeGpu,
  LetterboxGpu,
  type LetterboxSpec,
  NmsGpu,
  OverlayGpu,
  RgbToI420Gpu,
  TextureUsage,
  UPRIGHT,
  type View,
  YoloDecodeGpu,
  type YoloHead,
} from '../../kernels/index.ts';

/** A kernel with everything it needs, and how many bytes it has to read and write at least. */
export interface KernelCase {
  name: string;
  what: string;
  bytes: number;
  encode(encoder: GPUCommandEncoder): void;
}

export interface KernelSizes {
  /** Of the picture, px. */
  width: number;
  height: number;
  /** Of the model's square input, px; a multiple of 32. */
  input: number;
}

/** Every WGSL kernel, as a frame of that size uses it. What they hold goes with the device. */
export function kernelCases(device: GPUDevice, sizes: KernelSizes): KernelCase[] {
  const { width, height, input } = sizes;
  const view: View = { displayWidth: width, displayHeight: height, orientation: UPRIGHT };
  const spec: LetterboxSpec = {
    ...{ width: input, height: input, placement: 'center', pad: 114, order: 'rgb' },
    ...{ mean: [0, 0, 0], scale: [1 / 255, 1 / 255, 1 / 255] },
  };
  const picture = device.createTexture({
    size: [width, height],
    format: 'rgba8unorm',
    usage: TextureUsage.TEXTURE_BINDING | TextureUsage.RENDER_ATTACHMENT | TextureUsage.COPY_DST,
  });
  device.queue.writeTexture(
    { texture: picture },
    new Uint8Array(4 * width * height).map((_, i) => (i * 2654435761) >>> 24),
    { bytesPerRow: 4 * width },
    [width, height],
  );
  const source = picture.createView();
  const target = device.createTexture({
    size: [width, height],
    format: 'rgba8unorm',
    usage: TextureUsage.RENDER_ATTACHMENT | TextureUsage.TEXTURE_BINDING,
  });
  const targetView = target.createView();
  const [pixels, inputs] = [width * height, input * input];

  const boxer = new LetterboxGpu(device, spec, 'texture');
  const tensor = device.createBuffer({ size: 12 * inputs, usage: BufferUsage.STORAGE });
  const head = usualHead(input);
  const decoder = new YoloDecodeGpu(device, head, { minScore: 0.3, classMask: null });
  const raw = storage(device, someHead(head));
  const found = Math.ceil(head.anchors / EVERY);
  const nms = new NmsGpu(device, decoder.candidates, { iou: 0.65, maxCandidates: 2048, maxDetections: 300 });
  const range = new DepthRangeGpu(device, { width: input, height: input, larger: 'nearer', step: 0.2 });
  const map = storage(
    device,
    new Float32Array(inputs).map((_, i) => (i % 977) / 977),
  );
  const shares = storage(
    device,
    new Float32Array(inputs).map((_, i) => i / inputs),
  );
  const colors = new DepthColorGpu(device, 'rgba8unorm', { left: 0, top: 0, width, height }, 0.6);
  const planes = new RgbToI420Gpu(device, width, height, { matrix: 'bt709', fullRange: false });
  const overlay = new OverlayGpu(device, {
    ...{ width, height, format: 'rgba8unorm' as const, kind: 'texture' as const },
    classNames: Array.from({ length: head.classes }, (_, i) => `class ${i}`),
  });
  const composite = new CompositeGpu(device, { width, height, format: 'rgba8unorm', kind: 'texture' });
  const band = lowerThird(width, height);
  const corner = { left: 0, top: 0, width: width >> 2, height: height >> 2 };
  const onTarget = (encoder: GPUCommandEncoder, loadOp: GPULoadOp) =>
    encoder.beginRenderPass({ colorAttachments: [{ view: targetView, loadOp, storeOp: 'store' }] });

  return [
    {
      name: 'letterbox',
      what: `${width}×${height} into ${input}×${input}`,
      // Four neighbours a sample, as long as that is not the whole picture.
      bytes: Math.min(4 * pixels, 16 * inputs) + 12 * inputs,
      encode: (encoder) => boxer.encode(encoder, source, view, tensor),
    },
    {
      name: 'yolo-decode',
      what: `${head.anchors} anchors of ${head.classes} classes`,
      bytes: 4 * head.anchors * (4 + head.classes),
      encode: (encoder) => decoder.encode(encoder, raw),
    },
    {
      name: 'nms',
      what: `of the ${found} boxes that yolo-decode found`,
      // Each candidate is read; who hides whom is worked out beside that.
      bytes: DETECTION_BYTES * found,
      encode: (encoder) => nms.encode(encoder),
    },
    {
      name: 'depth-range',
      what: `percentiles and shares of ${input}×${input}`,
      bytes: 3 * 4 * inputs,
      encode: (encoder) =>
        range.encode(encoder, map, { left: 0, top: 0, width: input, height: input }, shares),
    },
    {
      name: 'depth-color',
      what: `blended over ${width}×${height}`,
      bytes: 8 * pixels + 4 * inputs,
      encode: (encoder) => {
        const pass = onTarget(encoder, 'load');
        colors.encode(pass, { shares, width: input, height: input });
        pass.end();
      },
    },
    {
      name: 'composite',
      what: `a lower third and a picture-in-picture over ${width}×${height}`,
      // The target is read and written; the layers are read, of the frame one texel a pixel at least.
      bytes: 12 * (band.bitmap.width * band.bitmap.height + corner.width * corner.height),
      encode: (encoder) => {
        const pass = onTarget(encoder, 'load');
        composite.encode(pass, [band, { kind: 'frame', frame: source, view, ...corner, opacity: 1 }]);
        pass.end();
      },
    },
    {
      name: 'overlay',
      what: `the frame with boxes and labels, ${width}×${height}`,
      bytes: 8 * pixels,
      encode: (encoder) =>
        overlay.encode(encoder, source, view, targetView, {
          boxes: { detections: nms.output, letterbox: spec },
          depth: null,
        }),
    },
    {
      name: 'rgb-to-i420',
      what: `${width}×${height}`,
      bytes: 5.5 * pixels,
      encode: (encoder) => planes.encode(encoder, target),
    },
  ];
}

/** A band over the lowest quarter that lets something of the picture through. */
function lowerThird(width: number, height: number): BitmapLayer {
  const rows = height >> 2;
  const data = new Uint8ClampedArray(4 * width * rows).fill(200);
  return {
    kind: 'bitmap',
    bitmap: { width, height: rows, data },
    ...{ left: 0, top: height - rows, opacity: 1 },
  };
}

/** What YOLOv8 yields: 80 classes on strides 8, 16 and 32. */
function usualHead(size: number): YoloHead {
  const strides = [8, 16, 32];
  const anchors = strides.reduce((all, stride) => all + (size / stride) ** 2, 0);
  return { layout: 'yolov8', width: size, height: size, anchors, classes: 80, strides };
}

/** One anchor of so many carries an object. */
const EVERY = 100;

function someHead({ anchors, classes, width }: YoloHead): Float32Array<ArrayBuffer> {
  const raw = new Float32Array(anchors * (4 + classes));
  for (let i = 0; i < anchors; i++) {
    raw[i] = (i * 37) % width;
    raw[anchors + i] = (i * 91) % width;
    raw[2 * anchors + i] = raw[3 * anchors + i] = width / 10;
    if (i % EVERY === 0) raw[(4 + (i % classes)) * anchors + i] = 0.5 + (i % 50) / 100;
  }
  return raw;
}

function storage(device: GPUDevice, values: Float32Array<ArrayBuffer>): GPUBuffer {
  const usage = BufferUsage.STORAGE | BufferUsage.COPY_DST | BufferUsage.COPY_SRC;
  const buffer = device.createBuffer({ size: values.byteLength, usage });
  device.queue.writeBuffer(buffer, 0, values);
  return buffer;
}
