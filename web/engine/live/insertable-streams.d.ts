/** https://w3c.github.io/mediacapture-transform/, as Safari has it in workers; not in TypeScript's own library. */
interface VideoTrackGenerator {
  readonly writable: WritableStream<VideoFrame>;
  readonly track: MediaStreamTrack;
}
declare var VideoTrackGenerator: {
  prototype: VideoTrackGenerator;
  new (): VideoTrackGenerator;
};
