import type { Codec } from '../../../protocol/index.ts';
import { chooseEncoder } from './encoder-config.ts';

/** What every encoder is asked, so that the answers can be compared. */
const ASKED = { width: 320, height: 192, fps: 30, bitrate: 1_000_000 };
/** Characters of a class: few enough to be read out, many enough that no two meet. */
const CLASS_CHARACTERS = 12;

/**
 * The class of this browser's encoder for a codec: the same for encoders that describe their packets alike, so that
 * these may follow each other in one track. Codecs whose packets describe themselves (VP8, VP9) have one class each.
 * @returns null where the codec cannot be encoded here.
 */
export async function encoderClass(codec: Codec): Promise<string | null> {
  const choice = await chooseEncoder({ codec, ...ASKED }).catch(() => null);
  if (!choice) return null;
  const record = await describe(choice.config).catch(() => null);
  if (!record) return null;
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', record));
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.slice(0, CLASS_CHARACTERS);
}

/** The record that goes with the first packet; empty for codecs without. */
function describe(config: VideoEncoderConfig): Promise<Uint8Array<ArrayBuffer>> {
  return new Promise((resolve, reject) => {
    const encoder = new VideoEncoder({
      output: (_chunk, metadata) => resolve(bytesOf(metadata?.decoderConfig?.description)),
      error: reject,
    });
    const { width, height } = ASKED;
    const frame = new VideoFrame(new Uint8Array((width * height * 3) / 2), {
      ...{ format: 'I420', codedWidth: width, codedHeight: height, timestamp: 0 },
    });
    const encode = async () => {
      encoder.configure(config);
      encoder.encode(frame, { keyFrame: true });
      await encoder.flush();
      throw new Error('the encoder gave nothing');
    };
    encode()
      .catch(reject)
      .finally(() => {
        frame.close();
        if (encoder.state !== 'closed') encoder.close();
      });
  });
}

function bytesOf(source: AllowSharedBufferSource | undefined): Uint8Array<ArrayBuffer> {
  if (!source) return new Uint8Array();
  // A digest is made of memory that nobody shares.
  return ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength).slice()
    : new Uint8Array(source).slice();
}
