/** Seconds that sound can be held back, at most. */
const MOST_DELAY = 1;
/** Seconds that a change of the delay takes to be heard through: nobody hears the pitch. */
const GLIDE = 0.4;
/** Seconds below which a change is not worth it. */
const WORTH = 0.005;

/** Holds sound back for as long as the picture takes through the engine, so that lips and voice stay together. */
export class SoundInStep {
  readonly track: MediaStreamTrack;
  readonly #context = new AudioContext({ latencyHint: 'interactive' });
  readonly #delay: DelayNode;
  #source: MediaStreamAudioSourceNode | null = null;
  /** Sound of a connection flows only where an element plays it (Chromium). */
  readonly #element = new Audio();
  #wanted = 0;

  constructor() {
    this.#delay = this.#context.createDelay(MOST_DELAY);
    const destination = this.#context.createMediaStreamDestination();
    this.#delay.connect(destination);
    this.track = destination.stream.getAudioTracks()[0]!;
    this.#element.muted = true;
  }

  /** Whether the browser lets sound begin; else it does at the next gesture, see {@link resume}. */
  get runs(): boolean {
    return this.#context.state === 'running';
  }

  /** Of the picture that is held back for, seconds. */
  get delay(): number {
    return this.#wanted;
  }

  /** Takes the sound of a stream in place of the one before; silence where it has none. */
  from(stream: MediaStream): void {
    this.#source?.disconnect();
    this.#source = null;
    const track = stream.getAudioTracks().find(({ readyState }) => readyState === 'live');
    if (!track) return;
    const alone = new MediaStream([track]);
    this.#element.srcObject = alone;
    this.#element.play().catch(() => {});
    this.#source = this.#context.createMediaStreamSource(alone);
    this.#source.connect(this.#delay);
    this.resume();
  }

  /** To be called in a gesture of the person where `runs` is false. */
  resume(): void {
    this.#context.resume().catch(() => {});
  }

  /** @param latency milliseconds that the picture takes. */
  follow(latency: number): void {
    // The graph's own buffers hold it back a little already.
    const wanted = Math.min(MOST_DELAY, Math.max(0, latency / 1000 - this.#context.baseLatency));
    if (Math.abs(wanted - this.#wanted) < WORTH) return;
    this.#wanted = wanted;
    this.#delay.delayTime.setTargetAtTime(wanted, this.#context.currentTime, GLIDE / 3);
  }

  close(): void {
    this.#element.srcObject = null;
    this.#context.close().catch(() => {});
  }
}
