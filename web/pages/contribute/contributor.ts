import { effect, signal } from '@preact/signals';
import {
  type CapabilityReport,
  EdgeRunnerError,
  type ErrorRecord,
  type FromNodeWorker,
  isRevoked,
  type LoadReport,
  type MeasuredSpeeds,
  type NodeStatus,
} from '../../../protocol/index.ts';
import { type NodeHandle, startNode } from '../../node/index.ts';
import { credentialOf, dropToken, forget, isKnown, isOfLink, noToken, takeToken } from './credential.ts';
import { watchBattery } from './device.ts';

/** Put in by the build. */
declare const __VERSION__: string;

/** Held for as long as the page is a node: browsers freeze pages that hold nothing, and no second tab gets it. */
const LOCK = 'edge-runner-node';
/** What somebody has chosen here, for the next time. */
const CHOICES = 'edge-runner-choices';

export interface Choices {
  /** Of the time that work may have, up to 1. */
  share: number;
  onBattery: boolean;
  keepAwake: boolean;
  paused: boolean;
}

export type Phase =
  /** Asked for a click: whoever opens a link should know what it does before it does it. */
  | 'asking'
  | 'joining'
  | 'measuring'
  | 'node'
  /** Another tab of this browser is the node. */
  | 'other-tab'
  | 'left'
  | 'failed';

export const phase = signal<Phase>('asking');
export const error = signal<ErrorRecord | null>(null);
export const status = signal<NodeStatus | null>(null);
export const measured = signal<{ capabilities: CapabilityReport; speeds: MeasuredSpeeds } | null>(null);
export const preview = signal<ImageBitmap | null>(null);
export const battery = signal<LoadReport['battery']>(null);
export const choices = signal<Choices>({
  ...{ share: 1, onBattery: false, keepAwake: false, paused: false },
  ...keptChoices(),
});

/** What somebody else wrote there, or a browser that keeps nothing, is no reason not to work. */
function keptChoices(): Partial<Choices> {
  try {
    const kept = JSON.parse(localStorage.getItem(CHOICES) ?? '{}') as Partial<Choices>;
    const { share } = kept;
    return typeof share === 'number' && share > 0 && share <= 1 ? kept : { ...kept, share: 1 };
  } catch {
    return {};
  }
}

let node: NodeHandle | null = null;
let letGo = () => {};
const token = takeToken();
// Another link, opened in this tab: the page begins anew with it, and what it hears until then is of the one before.
let superseded = false;
addEventListener('hashchange', () => {
  if (!new URLSearchParams(location.hash.slice(1)).has('token') || !takeToken()) return;
  superseded = true;
  location.reload();
});

/** Whether what failed may succeed in another try. */
export const mayTryAgain = (): boolean => token !== null || isKnown();

/** Whoever was a node before goes on; whoever was not is asked. */
export async function open(): Promise<void> {
  if (!isSecureContext) return fail(insecure());
  const missing = ['VideoDecoder', 'VideoEncoder', 'WebAssembly', 'Worker'].filter(
    (name) => !(name in globalThis),
  );
  if (missing.length > 0) return fail(unable(missing));
  if (!token && !isKnown()) return fail(noToken());
  if (!token) await start();
}

/** Becomes a node, once no other tab of this browser is. */
export async function start(): Promise<void> {
  phase.value = 'joining';
  error.value = null;
  await alone();
  phase.value = 'joining';
  try {
    const credential = await credentialOf(token);
    if (token) choices.value = { ...choices.value, paused: false };
    phase.value = 'measuring';
    node = startNode(
      {
        ...{ base: location.origin, credential, host: 'tab', build: __VERSION__, slots: 1, labels: [] },
        ortBase: `${location.origin}/ort/`,
      },
      hear,
    );
  } catch (thrown) {
    fail(EdgeRunnerError.from(thrown));
    return;
  }
  await watchBattery((now) => {
    battery.value = now;
  });
  effect(() => node?.tell({ type: 'share', share: choices.value.share }));
  effect(() => {
    localStorage.setItem(CHOICES, JSON.stringify(choices.value));
    const reason = pauseOf(choices.value, battery.value);
    node?.tell(reason ? { type: 'pause', reason, finish: false } : { type: 'resume' });
  });
  effect(() => {
    const load = { cpu: null, memory: null, temperature: null, gpus: [], battery: battery.value };
    if (battery.value) node?.tell({ type: 'load', load });
  });
  const look = () => node?.tell({ type: 'previewed', wanted: !document.hidden });
  document.addEventListener('visibilitychange', look);
  look();
}

/** Finishes what it has, then is no node any more. */
export const leave = (): void => node?.tell({ type: 'drain' });

function pauseOf({ paused, onBattery }: Choices, now: LoadReport['battery']) {
  if (paused) return { code: 'user', message: 'somebody paused it on the device' } as const;
  if (now && !now.charging && !onBattery) return { code: 'battery', message: 'runs on battery' } as const;
  return null;
}

/** Waits for the lock that only one tab has, and keeps it until this one is a node no more. */
async function alone(): Promise<void> {
  const take = (ifAvailable: boolean) =>
    new Promise<boolean>((decided) => {
      void navigator.locks.request(LOCK, { ifAvailable }, (lock) => {
        decided(lock !== null);
        return lock
          ? new Promise<void>((release) => {
              letGo = release;
            })
          : undefined;
      });
    });
  if (await take(true)) return;
  phase.value = 'other-tab';
  await take(false);
}

function hear(message: FromNodeWorker): void {
  if (superseded) return;
  switch (message.type) {
    case 'measuring':
      break;
    case 'measured':
      measured.value = message;
      phase.value = 'node';
      break;
    case 'preview':
      preview.value?.close();
      preview.value = message.picture;
      break;
    case 'failed':
      fail(message.error);
      break;
    case 'status':
      status.value = message.status;
      error.value = message.status.error;
      if (message.status.state === 'online') dropToken();
      if (message.status.error && isRevoked(message.status.error)) forget();
      if (message.status.state === 'stopped') {
        phase.value = message.status.error ? 'failed' : 'left';
        letGo();
      }
  }
}

export function fail(thrown: EdgeRunnerError | ErrorRecord): void {
  if (superseded) return;
  error.value = thrown instanceof EdgeRunnerError ? thrown.toRecord() : thrown;
  if (isOfLink(error.value)) dropToken();
  phase.value = 'failed';
  letGo();
}

const insecure = () =>
  new EdgeRunnerError(
    'server-refused',
    'This page is not on a secure connection, and browsers lend GPU, codecs and threads to secure ones only.',
    'Open the server by https, or on its own machine by http://localhost.',
  );

const unable = (missing: readonly string[]) =>
  new EdgeRunnerError(
    'no-browser',
    `This browser lacks what the work is done with: ${missing.join(', ')}.`,
    'Open the link in a new Chrome, Edge or Safari.',
  );
