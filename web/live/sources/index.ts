import { type CameraOptions, openCamera, openScreen } from './camera.ts';
import { openVideo } from './file.ts';
import { openHls } from './hls.ts';
import { NO_EVENTS, type OpenSource, type SourceEvents } from './source.ts';
import { openStreet } from './street.ts';
import { openWhep, type WhepOptions } from './whep.ts';

/** Where a live picture comes from: one that is opened here, or one that is there already. */
export type LiveSource =
  | ({ kind: 'camera' } & CameraOptions)
  | { kind: 'screen' }
  /** Played over and over. */
  | { kind: 'video'; from: File | string }
  | { kind: 'hls'; url: string }
  | ({ kind: 'whep' } & WhepOptions)
  /** A synthetic street. */
  | { kind: 'street' }
  /** The caller's, who stops it. */
  | MediaStream
  | MediaStreamTrack;

/** @throws {EdgeRunnerError} a sentence for whoever sits before the page, of each way to fail. */
export async function openSource(source: LiveSource, events: SourceEvents = NO_EVENTS): Promise<OpenSource> {
  // What is the caller's may be anything.
  const theirs = { player: null, mayStandStill: true, close: () => {} };
  if (source instanceof MediaStream) return { name: 'stream', stream: source, ...theirs };
  if (source instanceof MediaStreamTrack)
    return { name: source.label, stream: new MediaStream([source]), ...theirs };
  switch (source.kind) {
    case 'camera':
      return openCamera(source, events);
    case 'screen':
      return openScreen(events);
    case 'video':
      return openVideo(source.from);
    case 'hls':
      return openHls(source.url, events);
    case 'whep':
      return openWhep(source, events);
    case 'street':
      return openStreet();
  }
}
