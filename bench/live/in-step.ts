/** What {@link installLead} puts into a page. */
export interface LeadWindow {
  /** Milliseconds by which a stream's beep comes after its flash, which is at its middle left: the middle one of nine. */
  leadOf(stream: MediaStream): Promise<number>;
}

/** To be sent into a page: measures whether sound and picture are in step. */
export function installLead(): void {
  Object.assign(window, { leadOf });

  async function leadOf(stream: MediaStream): Promise<number> {
    const audio = new AudioContext();
    const video = document.createElement('video');
    Object.assign(video, { muted: true, srcObject: stream, width: 320 });
    document.body.append(video);
    await video.play();
    const analyser = audio.createAnalyser();
    analyser.fftSize = 256;
    audio.createMediaStreamSource(new MediaStream(stream.getAudioTracks())).connect(analyser);
    const samples = new Float32Array(256);
    const canvas = new OffscreenCanvas(1, 1);
    const context = canvas.getContext('2d', { willReadFrequently: true })!;
    const flashes: number[] = [];
    const beeps: number[] = [];
    let [bright, loud] = [true, true];
    const see: VideoFrameRequestCallback = (_now, { presentationTime }) => {
      context.drawImage(video, 20, video.videoHeight / 2, 8, 8, 0, 0, 1, 1);
      const white = context.getImageData(0, 0, 1, 1).data[1]! > 128;
      if (white && !bright) flashes.push(presentationTime);
      bright = white;
      video.requestVideoFrameCallback(see);
    };
    video.requestVideoFrameCallback(see);
    while (Math.min(flashes.length, beeps.length) < 9) {
      await new Promise((resolve) => setTimeout(resolve, 3));
      analyser.getFloatTimeDomainData(samples);
      const heard = samples.some((sample) => Math.abs(sample) > 0.2);
      if (heard && !loud) beeps.push(performance.now());
      loud = heard;
    }
    video.remove();
    await audio.close();
    const leads = beeps.map((beep) => {
      const nearest = flashes.reduce((a, b) => (Math.abs(b - beep) < Math.abs(a - beep) ? b : a));
      return beep - nearest;
    });
    return leads.sort((a, b) => a - b)[leads.length >> 1]!;
  }
}
