import { CompositeGpu, type CompositeGpuOptions } from '../composite/composite.gpu.ts';
import type { CompositeLayer } from '../composite/layer.ts';
import { type DepthBuffer, DepthColorGpu } from '../depth-color/depth-color.gpu.ts';
import detectionCode from '../detection.wgsl?raw';
import { axesWords, type FrameKind, type FrameSource, frameCode, frameSampler } from '../frame.gpu.ts';
import { type LetterboxSpec, letterboxGeometry, type View } from '../geometry.ts';
import { BufferUsage, TextureUsage } from '../gpu-flags.ts';
import { arrange, type DepthLayout } from './arrange.ts';
import { GLYPH_COUNT, glyphsOf, scaleAtlas } from './atlas.ts';
import { TRACK_DIGITS } from './overlay.cpu.ts';
import boxesCode from './overlay-boxes.wgsl?raw';
import frameDrawCode from './overlay-frame.wgsl?raw';
import { CLASS_COLORS, type OverlayStyle, overlayStyle, textColor } from './style.ts';

export interface OverlayGpuOptions {
  /** Of the picture, px; the target has the size that `arrange` gives. */
  width: number;
  height: number;
  /** Where depth is shown; default: there is none. */
  layout?: DepthLayout | null;
  /** Of the target's texture. */
  format: GPUTextureFormat;
  /** Name of every class of the model, by id; may be empty when no boxes are ever drawn. */
  classNames: readonly string[];
  /** Default: `external`. */
  kind?: FrameKind;
}

/** Boxes to draw: a buffer of detections (detections.ts) and how its model px came from the view. */
export interface OverlayBoxes {
  detections: GPUBuffer;
  letterbox: LetterboxSpec;
}

/** What is drawn beside the frame itself. */
export interface OverlayContent {
  boxes: OverlayBoxes | null;
  depth: DepthBuffer | null;
  /** Over the whole target, above all else, undermost first; frames are of the kernel's kind. */
  layers?: readonly CompositeLayer<FrameSource>[];
}

/** The frame, depth over or beside it, boxes and labels, then layers in one render pass; boxes equal {@link OverlayCpu}'s with `labelOf` labels. */
export class OverlayGpu {
  readonly style: OverlayStyle;
  readonly #device: GPUDevice;
  readonly #width: number;
  readonly #height: number;
  readonly #framePipeline: GPURenderPipeline;
  readonly #boxesPipeline: GPURenderPipeline;
  readonly #sampler: GPUSampler;
  readonly #frameParams: GPUBuffer;
  readonly #frameGroup: GPUBindGroup;
  readonly #boxesParams: GPUBuffer;
  readonly #names: GPUBuffer;
  readonly #colors: GPUBuffer;
  readonly #atlas: GPUTexture;
  readonly #draw: GPUBuffer;
  readonly #showsPicture: boolean;
  readonly #depth: DepthColorGpu | null;
  readonly #compositeOptions: CompositeGpuOptions;
  #composite: CompositeGpu | undefined;
  #orientation = '';
  #mapping = '';
  #boxes: { detections: GPUBuffer; group: GPUBindGroup } | undefined;

  constructor(device: GPUDevice, options: OverlayGpuOptions) {
    const { width, height, format, classNames, kind = 'external', layout = null } = options;
    this.#device = device;
    this.#width = width;
    this.#height = height;
    this.style = overlayStyle(width, height);
    this.#framePipeline = framePipeline(device, format, kind);
    this.#boxesPipeline = boxesPipeline(device, format);
    this.#sampler = frameSampler(device);
    const { showsPicture, depth, ...target } = arrange(layout, width, height);
    this.#compositeOptions = { ...target, format, kind };
    this.#showsPicture = showsPicture;
    this.#depth =
      depth && new DepthColorGpu(device, format, { left: depth.left, top: 0, width, height }, depth.opacity);

    const uniform = BufferUsage.UNIFORM | BufferUsage.COPY_DST;
    this.#frameParams = device.createBuffer({ label: 'overlay frame', size: 32, usage: uniform });
    this.#boxesParams = device.createBuffer({ label: 'overlay boxes', size: 64, usage: uniform });
    this.#frameGroup = device.createBindGroup({
      layout: this.#framePipeline.getBindGroupLayout(1),
      entries: [{ binding: 0, resource: { buffer: this.#frameParams } }],
    });
    const glyphs = classNames.map(glyphsOf);
    this.#names = filled(device, 'overlay names', nameWords(glyphs), BufferUsage.STORAGE);
    this.#colors = filled(device, 'overlay colors', colorWords(), BufferUsage.STORAGE);
    this.#atlas = atlasTexture(device, this.style);
    const characters = TRACK_LENGTH + SCORE_LENGTH + Math.max(0, ...glyphs.map((name) => name.length));
    const draw = Uint32Array.of(6 * (PLAIN_PARTS + characters), 0, 0, 0);
    this.#draw = filled(device, 'overlay draw', draw, BufferUsage.INDIRECT);
  }

  /**
   * Adds one render pass that writes the whole target. Views and layers may change between submits, not between two
   * calls in one submit.
   * @param source the frame, of this kernel's kind.
   * @param target RENDER_ATTACHMENT, of this kernel's size and format.
   */
  encode(
    encoder: GPUCommandEncoder,
    source: FrameSource,
    view: View,
    target: GPUTextureView,
    { boxes, depth, layers = [] }: OverlayContent,
  ): void {
    this.#setOrientation(view);
    if (boxes) {
      this.#setMapping(view, boxes.letterbox);
      encoder.copyBufferToBuffer(boxes.detections, 0, this.#draw, 4, 4);
    }
    const frame = this.#device.createBindGroup({
      layout: this.#framePipeline.getBindGroupLayout(0),
      entries: [
        { binding: 0, resource: source },
        { binding: 1, resource: this.#sampler },
      ],
    });
    const pass = encoder.beginRenderPass({
      label: 'overlay',
      colorAttachments: [{ view: target, loadOp: 'clear', storeOp: 'store' }],
    });
    const toPicture = () => pass.setViewport(0, 0, this.#width, this.#height, 0, 1);
    if (this.#showsPicture) {
      toPicture();
      pass.setPipeline(this.#framePipeline);
      pass.setBindGroup(0, frame);
      pass.setBindGroup(1, this.#frameGroup);
      pass.draw(3);
    }
    if (depth) this.#depth?.encode(pass, depth);
    if (boxes) {
      toPicture();
      pass.setPipeline(this.#boxesPipeline);
      pass.setBindGroup(0, this.#boxesGroup(boxes.detections));
      pass.drawIndirect(this.#draw, 0);
    }
    if (layers.length > 0) this.#composite ??= new CompositeGpu(this.#device, this.#compositeOptions);
    this.#composite?.encode(pass, layers);
    pass.end();
  }

  destroy(): void {
    for (const buffer of [this.#frameParams, this.#boxesParams, this.#names, this.#colors, this.#draw]) {
      buffer.destroy();
    }
    this.#atlas.destroy();
    this.#depth?.destroy();
    this.#composite?.destroy();
  }

  #setOrientation({ orientation }: View): void {
    const axes = axesWords(orientation);
    if (this.#orientation === axes.join()) return;
    const bytes = new ArrayBuffer(32);
    new Uint32Array(bytes).set(axes);
    new Float32Array(bytes, 16).set([this.#width, this.#height]);
    this.#device.queue.writeBuffer(this.#frameParams, 0, bytes);
    this.#orientation = axes.join();
  }

  #setMapping(view: View, letterbox: LetterboxSpec): void {
    const { left, top, ratio } = letterboxGeometry(view, letterbox);
    const { displayWidth, displayHeight } = view;
    const mapping = [left, top, ratio, 0, displayWidth, displayHeight];
    if (this.#mapping === mapping.join()) return;
    const { thickness, cellWidth, cellHeight, padX, padY } = this.style;
    const bytes = new ArrayBuffer(64);
    new Int32Array(bytes).set([this.#width, this.#height, thickness, cellWidth, cellHeight, padX, padY]);
    new Int32Array(bytes)[7] = CLASS_COLORS.length;
    new Float32Array(bytes, 32).set([...mapping, this.#width / displayWidth, this.#height / displayHeight]);
    this.#device.queue.writeBuffer(this.#boxesParams, 0, bytes);
    this.#mapping = mapping.join();
  }

  #boxesGroup(detections: GPUBuffer): GPUBindGroup {
    if (this.#boxes?.detections !== detections) {
      const group = this.#device.createBindGroup({
        layout: this.#boxesPipeline.getBindGroupLayout(0),
        entries: [
          { binding: 0, resource: { buffer: this.#boxesParams } },
          { binding: 1, resource: { buffer: detections } },
          { binding: 2, resource: { buffer: this.#names } },
          { binding: 3, resource: { buffer: this.#colors } },
          { binding: 4, resource: this.#atlas.createView() },
        ],
      });
      this.#boxes = { detections, group };
    }
    return this.#boxes.group;
  }
}

/** As in overlay-boxes.wgsl. */
const PLAIN_PARTS = 5;
const SCORE_LENGTH = 5;
/** Of " #123456". */
const TRACK_LENGTH = 2 + TRACK_DIGITS;

function framePipeline(device: GPUDevice, format: GPUTextureFormat, kind: FrameKind): GPURenderPipeline {
  const module = device.createShaderModule({ label: 'overlay frame', code: frameCode(kind) + frameDrawCode });
  return device.createRenderPipeline({
    label: 'overlay frame',
    layout: 'auto',
    vertex: { module },
    fragment: { module, targets: [{ format }] },
  });
}

function boxesPipeline(device: GPUDevice, format: GPUTextureFormat): GPURenderPipeline {
  const module = device.createShaderModule({ label: 'overlay boxes', code: detectionCode + boxesCode });
  const color: GPUBlendComponent = { srcFactor: 'src-alpha', dstFactor: 'one-minus-src-alpha' };
  const alpha: GPUBlendComponent = { srcFactor: 'zero', dstFactor: 'one' };
  return device.createRenderPipeline({
    label: 'overlay boxes',
    layout: 'auto',
    vertex: { module },
    fragment: { module, targets: [{ format, blend: { color, alpha } }] },
  });
}

function filled(
  device: GPUDevice,
  label: string,
  data: Uint32Array<ArrayBuffer> | Float32Array<ArrayBuffer>,
  usage: GPUBufferUsageFlags,
): GPUBuffer {
  const buffer = device.createBuffer({
    label,
    size: data.byteLength,
    usage: usage | BufferUsage.COPY_DST,
  });
  device.queue.writeBuffer(buffer, 0, data);
  return buffer;
}

/** Per class offset and length, then the glyphs; never empty, as a binding must not be. */
function nameWords(names: number[][]): Uint32Array<ArrayBuffer> {
  let offset = 2 * names.length;
  const index = names.flatMap((name) => {
    const entry = [offset, name.length];
    offset += name.length;
    return entry;
  });
  const words = [...index, ...names.flat()];
  return Uint32Array.from(words.length > 0 ? words : [0, 0]);
}

/** Per colour fill and text, each RGB and a spare, 0 to 1. */
const colorWords = (): Float32Array<ArrayBuffer> =>
  Float32Array.from(
    CLASS_COLORS.flatMap((fill) => [...fill, 255, ...textColor(fill), 255].map((c) => c / 255)),
  );

function atlasTexture(device: GPUDevice, { cellHeight }: OverlayStyle): GPUTexture {
  const { cellWidth, coverage } = scaleAtlas(cellHeight);
  const texture = device.createTexture({
    label: 'glyph atlas',
    size: [cellWidth, cellHeight * GLYPH_COUNT],
    format: 'r8unorm',
    usage: TextureUsage.TEXTURE_BINDING | TextureUsage.COPY_DST,
  });
  const size = [cellWidth, cellHeight * GLYPH_COUNT];
  device.queue.writeTexture({ texture }, coverage, { bytesPerRow: cellWidth }, size);
  return texture;
}
