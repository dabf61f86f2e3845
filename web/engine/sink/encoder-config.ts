import { type Codec, EdgeRunnerError, type Quality } from '../../../protocol/index.ts';
import { codecStrings } from './codec-strings.ts';

export interface EncoderWish {
  codec: Codec;
  width: number;
  height: number;
  fps: number;
  /** Bits per second, or how good it shall be. */
  bitrate?: number;
  quality?: Quality;
}

export interface EncoderChoice {
  config: VideoEncoderConfig;
  hardware: boolean;
  /** How many pixels were cut off right and bottom because the encoder takes even sizes only. */
  cropped: { right: number; bottom: number };
}

/**
 * Bits per pixel at 1280×720 for `medium`: where the browser's software encoders reach about 37 dB on photographic
 * pans. VP9, AV1 and HEVC need about two thirds of H.264's.
 */
const BITS_PER_PIXEL: Record<Codec, number> = { h264: 0.1, hevc: 0.065, vp8: 0.1, vp9: 0.07, av1: 0.065 };
const QUALITY_FACTOR: Record<Quality, number> = { low: 0.5, medium: 1, high: 2 };

/** Bits per second for a quality; larger pictures need fewer bits per pixel. */
export function bitrateFor(
  quality: Quality,
  { codec, width, height, fps }: Omit<EncoderWish, 'quality' | 'bitrate'>,
): number {
  const pixels = width * height;
  const perPixel = BITS_PER_PIXEL[codec] * QUALITY_FACTOR[quality] * (pixels / (1280 * 720)) ** -0.1;
  return Math.max(50_000, Math.round((pixels * Math.min(fps, 120) * perPixel) / 1000) * 1000);
}

/**
 * The encoder configuration this browser takes for a wish: hardware first, then software; a size that only fails for
 * being odd is cut by one pixel (neither WebCodecs nor H.264's 4:2:0 cropping can express an odd edge).
 * @throws {EdgeRunnerError} `encoder-unsupported`
 */
export async function chooseEncoder(wish: EncoderWish): Promise<EncoderChoice> {
  const odd = { right: wish.width % 2, bottom: wish.height % 2 };
  const even = { right: 0, bottom: 0 };
  for (const cropped of odd.right || odd.bottom ? [even, odd] : [even]) {
    const size = { width: wish.width - cropped.right, height: wish.height - cropped.bottom };
    for (const hardware of [true, false]) {
      const config = await firstSupported({ ...wish, ...size }, hardware);
      if (config) return { config, hardware, cropped };
    }
  }
  throw new EdgeRunnerError(
    'encoder-unsupported',
    `This browser cannot encode ${wish.codec} at ${wish.width}×${wish.height}.`,
    'Choose another --codec or a smaller --size; "edge-runner doctor" lists the encoders that work here.',
  );
}

async function firstSupported(wish: EncoderWish, hardware: boolean): Promise<VideoEncoderConfig | null> {
  const bitrate = wish.bitrate ?? bitrateFor(wish.quality ?? 'medium', wish);
  for (const codec of codecStrings(wish.codec, { ...wish, bitrate })) {
    const config: VideoEncoderConfig = {
      codec,
      width: wish.width,
      height: wish.height,
      bitrate,
      framerate: wish.fps,
      bitrateMode: 'variable',
      latencyMode: 'quality',
      alpha: 'discard',
      hardwareAcceleration: hardware ? 'prefer-hardware' : 'no-preference',
      ...(wish.codec === 'h264' && { avc: { format: 'avc' } }),
      ...(wish.codec === 'hevc' && { hevc: { format: 'hevc' } }),
    };
    // An encoder that knows the string but not the size throws instead of answering; both mean no.
    const { supported } = await VideoEncoder.isConfigSupported(config).catch(() => ({ supported: false }));
    if (supported) return config;
  }
  return null;
}
