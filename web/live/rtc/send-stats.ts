/** How sending goes. */
export interface SendingStats {
  /** Frames a second that were sent. */
  fps: number;
  /** Bits a second, sound included. */
  bitrate: number;
  /** Of the picture as it is sent, 0 before the first frame. */
  width: number;
  height: number;
  /** Such as `video/VP8`; null before the first frame. */
  codec: string | null;
  /** The browser's name for its encoder; null where it does not tell: Chromium does on pages that may use a camera. */
  encoder: string | null;
  /** Milliseconds that the encoder takes for a frame. */
  encodeMs: number;
  /** Why the picture is less than it could be. */
  limitedBy: 'none' | 'cpu' | 'bandwidth' | 'other';
}

/** What is read of the browser's reports. */
interface Outbound {
  timestamp: number;
  kind: string;
  bytesSent: number;
  framesSent?: number;
  framesEncoded?: number;
  totalEncodeTime?: number;
  frameWidth?: number;
  frameHeight?: number;
  codecId?: string;
  encoderImplementation?: string;
  qualityLimitationReason?: SendingStats['limitedBy'];
}

interface Counts {
  at: number;
  bytes: number;
  sent: number;
  encoded: number;
  seconds: number;
}

/** Of one connection: each look tells what happened since the one before. */
export class SendingMeter {
  readonly #peer: RTCPeerConnection;
  #before: Counts = {
    at: performance.timeOrigin + performance.now(),
    ...{ bytes: 0, sent: 0, encoded: 0, seconds: 0 },
  };

  constructor(peer: RTCPeerConnection) {
    this.#peer = peer;
  }

  async read(): Promise<SendingStats> {
    const report = await this.#peer.getStats();
    const outbound: Outbound[] = [];
    report.forEach((one: { type: string }) => {
      if (one.type === 'outbound-rtp') outbound.push(one as { type: string } & Outbound);
    });
    const picture = outbound.find(({ kind }) => kind === 'video');
    const before = this.#before;
    const now: Counts = {
      at: outbound[0]?.timestamp ?? performance.timeOrigin + performance.now(),
      bytes: outbound.reduce((sum, { bytesSent }) => sum + bytesSent, 0),
      sent: picture?.framesSent ?? 0,
      encoded: picture?.framesEncoded ?? 0,
      seconds: picture?.totalEncodeTime ?? 0,
    };
    this.#before = now;
    const seconds = Math.max(1e-3, (now.at - before.at) / 1000);
    const codec = report.get(picture?.codecId ?? '') as { mimeType?: string } | undefined;
    return {
      fps: (now.sent - before.sent) / seconds,
      bitrate: (8 * (now.bytes - before.bytes)) / seconds,
      width: picture?.frameWidth ?? 0,
      height: picture?.frameHeight ?? 0,
      codec: codec?.mimeType ?? null,
      encoder: picture?.encoderImplementation ?? null,
      encodeMs: (1000 * (now.seconds - before.seconds)) / Math.max(1, now.encoded - before.encoded),
      limitedBy: picture?.qualityLimitationReason ?? 'none',
    };
  }
}

export const NOTHING_SENT: SendingStats = {
  ...{ fps: 0, bitrate: 0, width: 0, height: 0, codec: null, encoder: null, encodeMs: 0 },
  limitedBy: 'none',
};

/** Of several connections: bits of all together, and the picture of whoever has it worst. */
export function worstOf(all: readonly SendingStats[]): SendingStats {
  const [worst = NOTHING_SENT] = [...all].sort(
    (one, other) => one.width * one.height - other.width * other.height || one.fps - other.fps,
  );
  return {
    ...worst,
    fps: all.length > 0 ? Math.min(...all.map(({ fps }) => fps)) : 0,
    bitrate: all.reduce((sum, { bitrate }) => sum + bitrate, 0),
    limitedBy: all.find(({ limitedBy }) => limitedBy !== 'none')?.limitedBy ?? 'none',
  };
}
