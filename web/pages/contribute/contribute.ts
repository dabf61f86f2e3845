import {
  EdgeRunnerError,
  type ErrorRecord,
  enrolledNode,
  type FromNodeWorker,
  fromProblem,
  isRevoked,
  type NodeStatus,
} from '../../../protocol/index.ts';
import { type NodeHandle, startNode } from '../../node/index.ts';

/** Put in by the build. */
declare const __VERSION__: string;

/** Where this browser keeps what it is to this server. */
const CREDENTIAL = 'edge-runner-credential';
/** Held for as long as the page is a node: browsers freeze pages that hold nothing. */
const LOCK = 'edge-runner-node';

const element = (id: string) => document.getElementById(id)!;
const WORDS: Record<NodeStatus['state'], string> = {
  connecting: 'Connecting…',
  online: 'Connected: ready for work.',
  draining: 'Connected: takes no new work.',
  stopped: 'This device contributes nothing now.',
};

let node: NodeHandle | null = null;
let credential: string | null = null;

async function main(): Promise<void> {
  if (!isSecureContext) throw insecure();
  show('Joining…');
  credential = await credentialOf(takeToken());
  await new Promise<void>((held) => {
    // Never let go of while the page lives.
    void navigator.locks.request(LOCK, () => {
      held();
      return new Promise(() => {});
    });
  });
  node = startNode(
    {
      ...{ base: location.origin, credential, host: 'tab', build: __VERSION__, slots: 1, labels: [] },
      ortBase: `${location.origin}/ort/`,
    },
    hear,
  );
  const leave = element('leave');
  leave.hidden = false;
  leave.onclick = () => node?.tell({ type: 'drain' });
}

/** The token of the link, which is in nobody's log there; it is not left where it can be seen. */
function takeToken(): string | null {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (token) history.replaceState(null, '', location.pathname);
  return token;
}

/** What this browser was given before, or what an enrolment token is exchanged for. */
async function credentialOf(token: string | null): Promise<string> {
  const kept = localStorage.getItem(CREDENTIAL);
  if (kept && !token) return kept;
  if (!token)
    throw new EdgeRunnerError(
      'token-missing',
      'This link holds no token.',
      'Ask whoever runs the server for a link that ends in #token=…',
    );
  const answer = await fetch('/v1/nodes', {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: nameOfDevice(), host: 'tab' }),
  });
  const told: unknown = await answer.json();
  if (!answer.ok)
    throw (
      fromProblem(told) ?? new EdgeRunnerError('server-refused', `The server answered ${answer.status}.`, '')
    );
  const enrolled = enrolledNode.parse(told);
  localStorage.setItem(CREDENTIAL, enrolled.credential);
  return enrolled.credential;
}

/** As people would tell this device from others. */
function nameOfDevice(): string {
  const { userAgent } = navigator;
  const system = /Mac OS X|Windows|Android|CrOS|Linux|iPhone|iPad/.exec(userAgent)?.[0] ?? 'device';
  const browser = /Edg|OPR|Chrome|Firefox|Safari/.exec(userAgent)?.[0] ?? 'browser';
  return `${browser} on ${system}`;
}

function hear(message: FromNodeWorker): void {
  if (message.type === 'measuring') show('Looking at what this device can do…');
  else if (message.type === 'failed') fail(message.error);
  else showStatus(message.status);
}

function showStatus({ state, name, error, attempts, done, failed }: NodeStatus): void {
  if (error) fail(error);
  else show(WORDS[state]);
  // Of no more use: the server does not know it any longer.
  if (error && isRevoked(error)) localStorage.removeItem(CREDENTIAL);
  if (state === 'stopped') element('leave').hidden = true;
  const facts = {
    ...(name && { Name: name }),
    'Tasks done': `${done}`,
    ...(failed && { 'Tasks failed': `${failed}` }),
  };
  element('facts').replaceChildren(
    ...Object.entries(facts).flatMap(([word, value]) => [text('dt', word), text('dd', value)]),
  );
  element('attempts').replaceChildren(
    ...attempts.map(({ frames, of, fps }) =>
      text('li', `Frame ${frames}${of === null ? '' : ` of ${of}`}, ${fps.toFixed(1)} a second`),
    ),
  );
}

function text(tag: string, words: string): HTMLElement {
  const made = document.createElement(tag);
  made.textContent = words;
  return made;
}

function show(state: string, remedy = ''): void {
  element('state').textContent = state;
  element('remedy').textContent = remedy;
}

const fail = ({ message, remedy }: Pick<ErrorRecord, 'message' | 'remedy'>) => show(message, remedy);

const insecure = () =>
  new EdgeRunnerError(
    'server-refused',
    'This page is not on a secure connection, and browsers lend GPU, codecs and threads to secure ones only.',
    'Open the server by https, or on its own machine by http://localhost.',
  );

main().catch((error: unknown) => fail(EdgeRunnerError.from(error)));
