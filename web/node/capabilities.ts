import { type CapabilityReport, CODECS } from '../../protocol/index.ts';
import { encoderClass } from '../engine/index.ts';

/** Codec strings that stand for each codec in a report: 1280×720, 30 frames a second. */
const VIDEO = {
  h264: 'avc1.64001f',
  'h264 10-bit': 'avc1.6e001f',
  hevc: 'hvc1.1.6.L93.B0',
  'hevc 10-bit': 'hvc1.2.4.L93.B0',
  vp8: 'vp8',
  vp9: 'vp09.00.31.08',
  'vp9 10-bit': 'vp09.02.31.10',
  av1: 'av01.0.05M.08',
  'av1 10-bit': 'av01.0.05M.10',
};
const AUDIO = { aac: 'mp4a.40.2', mp3: 'mp3', opus: 'opus', flac: 'flac', vorbis: 'vorbis' };

/** What this browser can do for the engine. */
export async function probeCapabilities(): Promise<CapabilityReport> {
  return {
    userAgent: navigator.userAgent,
    secureContext: isSecureContext,
    crossOriginIsolated,
    cores: navigator.hardwareConcurrency,
    memoryGiB: (navigator as { deviceMemory?: number }).deviceMemory ?? null,
    jspi: 'Suspending' in WebAssembly,
    adapter: await probeAdapter(),
    decode: await each(VIDEO, (codec) =>
      bestOf((hardwareAcceleration) =>
        VideoDecoder.isConfigSupported({ codec, codedWidth: 1280, codedHeight: 720, hardwareAcceleration }),
      ),
    ),
    encode: await each(VIDEO, (codec) =>
      bestOf((hardwareAcceleration) =>
        VideoEncoder.isConfigSupported({
          codec,
          width: 1280,
          height: 720,
          bitrate: 3e6,
          framerate: 30,
          hardwareAcceleration,
        }),
      ),
    ),
    encoderClasses: await classes(),
    audioDecode: await each(AUDIO, async (codec) => {
      const config = { codec, sampleRate: 48000, numberOfChannels: 2, ...NEEDS_DESCRIPTION[codec] };
      return (
        (await AudioDecoder.isConfigSupported(config).catch(() => ({ supported: false }))).supported ?? false
      );
    }),
  };
}

/** One after the other: some machines have one encoder. */
async function classes(): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const codec of CODECS) {
    const name = await encoderClass(codec);
    if (name) found[codec] = name;
  }
  return found;
}

/** Codecs whose decoders want their setup data before they answer; the bytes themselves are not looked at. */
const NEEDS_DESCRIPTION: Record<string, { description: Uint8Array<ArrayBuffer> } | undefined> = {
  flac: { description: new Uint8Array(42) },
  vorbis: { description: new Uint8Array(64) },
};

async function probeAdapter(): Promise<CapabilityReport['adapter']> {
  if (!('gpu' in navigator)) return null;
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) return null;
  const { vendor, architecture, description, isFallbackAdapter } = adapter.info;
  return {
    vendor,
    architecture,
    description,
    software: isFallbackAdapter,
    f16: adapter.features.has('shader-f16'),
    maxBufferSize: adapter.limits.maxBufferSize,
    features: [...adapter.features].sort(),
  };
}

async function bestOf(
  ask: (preference: HardwareAcceleration) => Promise<{ supported?: boolean }>,
): Promise<'hardware' | 'software' | 'no'> {
  const supports = async (preference: HardwareAcceleration) =>
    (await ask(preference).catch(() => ({ supported: false }))).supported === true;
  if (await supports('prefer-hardware')) return 'hardware';
  return (await supports('no-preference')) ? 'software' : 'no';
}

async function each<T>(
  codecs: Record<string, string>,
  ask: (codec: string) => Promise<T>,
): Promise<Record<string, T>> {
  const entries = await Promise.all(
    Object.entries(codecs).map(async ([name, codec]) => [name, await ask(codec)] as const),
  );
  return Object.fromEntries(entries);
}
