import {
  EdgeRunnerError,
  type FromNodeWorker,
  type NodeStatus,
  type PauseReason,
  type ToNodeWorker,
} from '../../protocol/index.ts';
import { probeCapabilities } from './capabilities.ts';
import { ServerLink } from './server-link.ts';
import { NodeSession } from './session.ts';
import { measureSpeeds } from './speed-test.ts';

/** A node, in a worker: timers of hidden pages fire once a minute, those of workers go on. */
let session: NodeSession | null = null;
let wanted: 'running' | 'drained' | 'stopped' = 'running';
/** As asked for before there was a session. */
let share = 1;
let previewed = false;
let pause: { reason: PauseReason; finish: boolean } | null = null;

const say = (message: FromNodeWorker, transfer: Transferable[] = []) =>
  self.postMessage(message, { transfer });

self.onmessage = ({ data }: MessageEvent<ToNodeWorker>) => {
  switch (data.type) {
    case 'join':
      join(data).catch((error: unknown) =>
        say({ type: 'failed', error: EdgeRunnerError.from(error).toRecord() }),
      );
      break;
    case 'pause':
      pause = data;
      session?.pause(data.reason, data);
      break;
    case 'resume':
      pause = null;
      session?.resume();
      break;
    case 'share':
      share = data.share;
      if (session) session.share = share;
      break;
    case 'previewed':
      previewed = data.wanted;
      if (session) session.previewed = previewed;
      break;
    case 'load':
      if (session) session.load = data.load;
      break;
    case 'drain':
      wanted = 'drained';
      session?.drain();
      break;
    case 'stop':
      wanted = 'stopped';
      session?.stop();
  }
};

async function join({
  base,
  credential,
  ...options
}: Extract<ToNodeWorker, { type: 'join' }>): Promise<void> {
  say({ type: 'measuring' });
  const capabilities = await probeCapabilities();
  const { signal } = new AbortController();
  const { ortBase } = options;
  const speeds = await measureSpeeds(capabilities, new ServerLink(base, signal), { credential, ortBase });
  say({ type: 'measured', capabilities, speeds });
  if (wanted !== 'running') {
    // Asked to go before it had come.
    say({ type: 'status', status: { ...IDLE, state: 'stopped' } });
    return;
  }
  session = new NodeSession(
    { base, credential, capabilities, speeds, ...options },
    {
      status: (status) => say({ type: 'status', status }),
      preview: (picture) => say({ type: 'preview', picture }, [picture]),
    },
  );
  session.share = share;
  session.previewed = previewed;
  if (pause) session.pause(pause.reason, pause);
}

const IDLE: NodeStatus = {
  ...{ state: 'connecting', name: null, error: null, pause: null, hold: null, leaving: false },
  ...{ attempts: [], done: 0, failed: 0, frames: 0 },
};
