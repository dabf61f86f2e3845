import { EdgeRunnerError } from '../../../protocol/index.ts';
import { missingFor } from '../missing.ts';
import type { OpenSource, SourceEvents } from './source.ts';

export interface CameraOptions {
  /** As `navigator.mediaDevices.enumerateDevices()` has it; any where it is absent. */
  deviceId?: string;
  /** px, of the picture that is asked for; the camera gives what is nearest. */
  width?: number;
  height?: number;
  /** Whether its microphone is wanted too. */
  audio?: boolean;
}

/**
 * A camera. One that is unplugged is taken up again when it comes back.
 * @throws {EdgeRunnerError} `source-refused`, `source-missing`, `source-busy`, `browser-lacks`
 */
export async function openCamera(options: CameraOptions, events: SourceEvents): Promise<OpenSource> {
  const missing = missingFor('camera');
  if (missing) throw EdgeRunnerError.fromRecord(missing);
  const { mediaDevices } = navigator;
  let stream = await cameraStream(options);
  const name = stream.getVideoTracks()[0]!.label || 'camera';
  let closed = false;
  /** Whether it is being asked for, and whether more was heard of devices meanwhile. */
  let coming = false;
  let again = false;
  const comeBack = async () => {
    again = coming;
    if (coming) return;
    coming = true;
    const found = await cameraStream(options).catch(() => null);
    coming = false;
    if (closed) {
      if (found) stop(found);
    } else if (found) {
      mediaDevices.removeEventListener('devicechange', comeBack);
      // Its microphone may have stayed.
      stop(stream);
      stream = found;
      watch();
      events.onStream(found);
      events.onTrouble(null);
    } else if (again) void comeBack();
  };
  const watch = () =>
    stream.getVideoTracks()[0]!.addEventListener('ended', () => {
      if (closed) return;
      mediaDevices.addEventListener('devicechange', comeBack);
      events.onTrouble(
        new EdgeRunnerError(
          'source-ended',
          `${name} is gone: it was unplugged, or the browser was told to let go of it.`,
          'Plug it in again, and it goes on by itself; or choose another source.',
        ),
      );
    });
  watch();
  return {
    name,
    player: null,
    get stream() {
      return stream;
    },
    close: () => {
      closed = true;
      mediaDevices.removeEventListener('devicechange', comeBack);
      stop(stream);
    },
  };
}

/**
 * What is on the screen, or in a window or a tab, as the person chooses.
 * @throws {EdgeRunnerError} `source-refused`, `browser-lacks`
 */
export async function openScreen(events: SourceEvents): Promise<OpenSource> {
  const missing = missingFor('screen');
  if (missing) throw EdgeRunnerError.fromRecord(missing);
  const stream = await navigator.mediaDevices
    .getDisplayMedia({ video: true, audio: true })
    .catch((error: unknown) => {
      throw refusalOf(error, 'screen');
    });
  let closed = false;
  stream.getVideoTracks()[0]!.addEventListener('ended', () => {
    if (closed) return;
    events.onTrouble(
      new EdgeRunnerError('source-ended', 'The screen is no longer shared.', 'Choose a source again.'),
    );
  });
  const close = () => {
    closed = true;
    stop(stream);
  };
  return { name: 'screen', stream, player: null, mayStandStill: true, close };
}

function cameraStream({
  deviceId,
  width = 640,
  height = 480,
  audio = false,
}: CameraOptions): Promise<MediaStream> {
  const video = {
    ...{ width: { ideal: width }, height: { ideal: height } },
    ...(deviceId && { deviceId: { exact: deviceId } }),
  };
  return navigator.mediaDevices.getUserMedia({ video, audio }).catch(async (error: unknown) => {
    throw (await whatIsMissing(error, { deviceId, audio })) ?? refusalOf(error, 'camera');
  });
}

/** The browser says no more than that something is missing. @returns null where that is any camera at all. */
async function whatIsMissing(
  error: unknown,
  { deviceId, audio }: Pick<CameraOptions, 'deviceId' | 'audio'>,
): Promise<EdgeRunnerError | null> {
  if (!isMissing(error)) return null;
  const devices = await navigator.mediaDevices.enumerateDevices();
  const has = (kind: MediaDeviceKind) => devices.some((one) => one.kind === kind);
  if (!has('videoinput')) return null;
  if (deviceId && !devices.some((one) => one.deviceId === deviceId))
    return new EdgeRunnerError(
      'source-missing',
      'The camera that was chosen is gone.',
      'Plug it in again, or choose another one.',
    );
  if (audio && !has('audioinput'))
    return new EdgeRunnerError(
      'source-missing',
      'There is a camera, but no microphone that the browser can find.',
      'Plug one in, or take the camera without it.',
    );
  return null;
}

const stop = (stream: MediaStream) => {
  for (const track of stream.getTracks()) track.stop();
};

const isMissing = (error: unknown): boolean =>
  error instanceof DOMException && (error.name === 'NotFoundError' || error.name === 'OverconstrainedError');

/** The browser's refusals, in sentences. */
function refusalOf(error: unknown, what: 'camera' | 'screen'): EdgeRunnerError {
  const name = error instanceof DOMException ? error.name : '';
  if (name === 'NotAllowedError' || name === 'SecurityError')
    return new EdgeRunnerError(
      'source-refused',
      `The browser was not allowed to use the ${what}.`,
      what === 'camera'
        ? "Allow it beside the address of this page, and in the system's settings for this browser; then try again."
        : "Choose what to share in the browser's dialogue; on macOS allow screen recording for this browser.",
    );
  if (isMissing(error))
    return new EdgeRunnerError(
      'source-missing',
      `There is no ${what} that the browser can find.`,
      'Plug one in, or choose another source: the street needs none.',
    );
  if (name === 'NotReadableError' || name === 'AbortError')
    return new EdgeRunnerError(
      'source-busy',
      `The ${what} gives no picture: another program may have it.`,
      'Close whatever uses it, and try again.',
    );
  return EdgeRunnerError.from(error);
}
