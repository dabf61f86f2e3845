/**
 * Glass to glass: a camera whose every picture carries the moment at which it was drawn, and a reader of what is shown.
 * Both are functions that are sent into a page, so each stands by itself.
 */

/**
 * The stamp is 16 cells along the upper edge and along the lower one, most significant bit first: milliseconds of the
 * page's clock, mod 2 ** 16.
 */
export interface StampCamera {
  width: number;
  height: number;
  fps: number;
}

/** To be run before the page's own scripts: `getUserMedia` gives this camera from then on, with a tone as its microphone. */
export function installStampCamera({ width, height, fps }: StampCamera): void {
  const open = (constraints?: MediaStreamConstraints) => {
    const canvas = document.createElement('canvas');
    Object.assign(canvas, { width, height });
    const context = canvas.getContext('2d', { alpha: false })!;
    const [cell, bar] = [width / 16, Math.max(8, height / 16)];
    let frame = 0;
    const draw = () => {
      frame++;
      context.fillStyle = '#5a6470';
      context.fillRect(0, 0, width, height);
      for (let disc = 0; disc < 3; disc++) {
        context.fillStyle = ['#c04020', '#20a040', '#2060c0'][disc]!;
        const phase = frame * (0.03 + 0.01 * disc) + 2.1 * disc;
        context.beginPath();
        context.arc(
          (width / 2) * (1 + 0.7 * Math.cos(phase)),
          (height / 2) * (1 + 0.5 * Math.sin(1.3 * phase)),
          height / 9,
          0,
          7,
        );
        context.fill();
      }
      const now = Math.round(performance.now()) % 65_536;
      for (let bit = 0; bit < 16; bit++) {
        context.fillStyle = (now >> (15 - bit)) & 1 ? '#fff' : '#000';
        // Twice: what is found may be drawn over either.
        context.fillRect(bit * cell, 0, cell, bar);
        context.fillRect(bit * cell, height - bar, cell, bar);
      }
    };
    draw();
    const timer = setInterval(draw, 1000 / fps);
    const stream = canvas.captureStream(fps);
    const [track] = stream.getVideoTracks();
    const stop = track!.stop.bind(track);
    track!.stop = () => {
      clearInterval(timer);
      stop();
    };
    if (constraints?.audio) {
      const audio = new AudioContext();
      const tone = audio.createOscillator();
      const out = audio.createMediaStreamDestination();
      tone.connect(out);
      tone.start();
      stream.addTrack(out.stream.getAudioTracks()[0]!);
    }
    return stream;
  };
  navigator.mediaDevices.getUserMedia = async (constraints) => open(constraints);
}

export interface StampReading {
  /** Frames a second that were shown. */
  fps: number;
  /** Milliseconds from drawing to showing, of every frame that could be read. */
  latencies: number[];
  /** Frames whose stamp could not be read. */
  unread: number;
}

/** Reads the stamps of what a `<video>` of this page shows. */
export async function readStamps({
  selector,
  seconds,
}: {
  selector: string;
  seconds: number;
}): Promise<StampReading> {
  const video = document.querySelector<HTMLVideoElement>(selector)!;
  const canvas = new OffscreenCanvas(16, 4);
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  const latencies: number[] = [];
  let [unread, shown] = [0, 0];
  const began = performance.now();
  while (performance.now() - began < seconds * 1000) {
    const { expectedDisplayTime } = await new Promise<VideoFrameCallbackMetadata>((resolve) =>
      video.requestVideoFrameCallback((_now, metadata) => resolve(metadata)),
    );
    shown++;
    const { videoWidth: width, videoHeight: height } = video;
    // The middle of each cell at four heights; what is neither black nor white there was drawn over.
    const bar = Math.max(8, height / 16);
    const rows = [bar / 4, (3 * bar) / 4, height - (3 * bar) / 4, height - bar / 4];
    for (let bit = 0; bit < 16; bit++)
      for (const [row, y] of rows.entries())
        context.drawImage(video, ((bit + 0.5) * width) / 16 - 1, y - 1, 2, 2, bit, row, 1, 1);
    const { data } = context.getImageData(0, 0, 16, 4);
    let stamp = 0;
    let clear = true;
    for (let bit = 0; bit < 16; bit++) {
      const cells = [0, 1, 2, 3].map((row) => data.subarray(4 * (16 * row + bit), 4 * (16 * row + bit) + 3));
      const known = cells.find((rgb) => Math.max(...rgb) < 60 || Math.min(...rgb) > 195);
      if (!known) clear = false;
      stamp = 2 * stamp + (known && known[0]! > 128 ? 1 : 0);
    }
    const age = (Math.round(expectedDisplayTime) - stamp + 131_072) % 65_536;
    if (clear && age < 10_000) latencies.push(age);
    else unread++;
  }
  return { fps: (1000 * shown) / (performance.now() - began), latencies, unread };
}

/** What an encoder of the browser said of itself. */
export interface SentReading {
  /** Such as `video/VP8`, and the browser's name for its encoder. */
  codec: string;
  encoder: string;
  /** Milliseconds that it took of a frame. */
  encodeMs: number;
  width: number;
  height: number;
  limitedBy: string;
}

/** Sends what a `<video>` of this page shows over a connection of the page with itself, into another `<video>`. */
export async function sendToItself({ selector, id }: { selector: string; id: string }): Promise<void> {
  const stream = document.querySelector<HTMLVideoElement>(selector)!.srcObject as MediaStream;
  const [out, back] = [new RTCPeerConnection(), new RTCPeerConnection()];
  Object.assign(window, { sending: out });
  out.onicecandidate = ({ candidate }) => void back.addIceCandidate(candidate ?? undefined);
  back.onicecandidate = ({ candidate }) => void out.addIceCandidate(candidate ?? undefined);
  const came = new Promise<MediaStream>((resolve) => {
    back.ontrack = ({ streams }) => resolve(streams[0]!);
  });
  const sender = out.addTrack(stream.getVideoTracks()[0]!, stream);
  await out.setLocalDescription();
  await back.setRemoteDescription(out.localDescription!);
  await back.setLocalDescription();
  const parameters = sender.getParameters();
  for (const encoding of parameters.encodings) encoding.maxBitrate = 2_500_000;
  await sender.setParameters(parameters);
  await out.setRemoteDescription({
    type: 'answer',
    // Else it begins with a few pixels, and takes ten seconds to come to all of them.
    sdp: back.localDescription!.sdp.replace(
      /(a=rtpmap:(\d+) VP8\S*\r\n)/,
      '$1a=fmtp:$2 x-google-start-bitrate=2000\r\n',
    ),
  });
  const video = document.createElement('video');
  Object.assign(video, { id, muted: true, width: 320, srcObject: await came });
  document.body.append(video);
  await video.play();
}

/** How the connection of {@link sendToItself} goes. */
export async function readSent(): Promise<SentReading> {
  const { sending } = window as unknown as { sending: RTCPeerConnection };
  const stats = [...(await sending.getStats()).values()] as Record<string, never>[];
  const sent = stats.find(({ type }) => type === 'outbound-rtp')!;
  const codec = stats.find(({ id }) => id === sent.codecId);
  return {
    codec: codec?.mimeType ?? '',
    encoder: sent.encoderImplementation ?? '',
    encodeMs: (1000 * sent.totalEncodeTime!) / sent.framesEncoded!,
    width: sent.frameWidth!,
    height: sent.frameHeight!,
    limitedBy: sent.qualityLimitationReason!,
  };
}
