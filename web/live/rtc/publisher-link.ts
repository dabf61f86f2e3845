import {
  EdgeRunnerError,
  type ErrorRecord,
  MOST_VIEWERS,
  type Publish,
  streamName,
} from '../../../protocol/index.ts';
import { checkedAddress } from '../sources/addresses.ts';
import { checkPeers } from './peer.ts';
import type { FromPublisherWorker, Published, Said, ToPublisherWorker } from './publisher-messages.ts';
import { type TabKey, takeTabKey } from './tab-key.ts';

export interface ServerOptions {
  /** Address of the edge-runner server. */
  server: string;
  /** Of scope `publish`. */
  token: string;
  /** Names the stream within its tenant: small letters, digits and `-`. */
  name: string;
  /** For people. */
  title?: string;
  /** STUN and TURN servers, besides those that the server names. */
  iceServers?: readonly RTCIceServer[];
}

/** What the server says, and what becomes of the connection to it. */
export type Heard = Exclude<FromPublisherWorker, { type: 'trouble' | 'ended' | 'closed' }>;
export interface LinkEvents {
  hear(message: Heard): void;
  /** Null when all is well again; the same never twice in a row. */
  trouble(error: EdgeRunnerError | null): void;
  /** It is over: what was open is closed by now. */
  ended(error: EdgeRunnerError): void;
}

/** A page's connection as one that publishes, kept up in a worker of its own. */
export class PublisherLink {
  readonly #worker: Worker;
  readonly #key: TabKey;
  readonly #events: LinkEvents;
  /** Where offers are posted; the same after each time that the connection was made anew. */
  readonly address: string;
  readonly stream: string;
  /** What was told last, in words. */
  #trouble: string | null = null;
  #closing: { done: Promise<void>; settle(): void } | null = null;

  private constructor(worker: Worker, key: TabKey, events: LinkEvents, server: string, published: Published) {
    this.#worker = worker;
    this.#key = key;
    this.#events = events;
    this.stream = published.stream;
    this.address = new URL(published.path, server).href;
    worker.onmessage = ({ data }: MessageEvent<FromPublisherWorker>) => this.#receive(data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#receive({ type: 'ended', error: workerStopped(event.message).toRecord() });
    };
  }

  /**
   * @returns it, and what the server said first; what it says from then on is heard.
   * @throws {EdgeRunnerError} as the server says; `server-unreachable`; `option-invalid`; `engine-fault` when the worker
   *   cannot be loaded
   */
  static async open(
    options: ServerOptions,
    { direction, maxViewers }: Pick<Publish, 'direction' | 'maxViewers'>,
    events: LinkEvents,
  ): Promise<{ link: PublisherLink; published: Published }> {
    const { token, name, title = '' } = options;
    checkPeers();
    const server = checkedAddress(options.server);
    check(options, maxViewers);
    const url = new URL('/v1/streams/socket', server);
    url.protocol = url.protocol.replace('http', 'ws');
    const key = await takeTabKey(new URL(server).origin, name);
    const worker = new Worker(new URL('./publisher-worker.ts', import.meta.url), {
      ...{ type: 'module', name: 'publisher' },
    });
    return new Promise((resolve, reject) => {
      const fail = (error: EdgeRunnerError) => {
        worker.terminate();
        key.release();
        reject(error);
      };
      worker.onerror = (event) => {
        event.preventDefault();
        fail(workerStopped(event.message));
      };
      worker.onmessage = ({ data }: MessageEvent<FromPublisherWorker>) => {
        if (data.type === 'published')
          resolve({ link: new PublisherLink(worker, key, events, server, data), published: data });
        else if (data.type === 'ended') fail(EdgeRunnerError.fromRecord(data.error));
      };
      const publish = { build: 'live', token, name, title, direction, maxViewers, session: key.key };
      post(worker, { type: 'open', setup: { url: url.href, publish } });
    });
  }

  say(message: Said): void {
    post(this.#worker, { type: 'say', message });
  }

  /** Settles when all that was said before is with the server, or cannot get there. */
  close(): Promise<void> {
    if (!this.#closing) {
      let settle = () => {};
      const done = new Promise<void>((resolve) => {
        settle = resolve;
      });
      this.#closing = { done, settle };
      post(this.#worker, { type: 'close' });
    }
    return this.#closing.done;
  }

  #receive(message: FromPublisherWorker): void {
    if (message.type === 'closed') {
      this.#over();
    } else if (this.#closing) {
      // Whatever it still says is about what is closed.
    } else if (message.type === 'trouble') {
      this.#tellTrouble(message.error);
    } else if (message.type === 'ended') {
      this.#over();
      this.#events.ended(EdgeRunnerError.fromRecord(message.error));
    } else {
      this.#events.hear(message);
    }
  }

  /** Each try that fails would say the same again. */
  #tellTrouble(error: ErrorRecord | null): void {
    const words = error?.message ?? null;
    if (words === this.#trouble) return;
    this.#trouble = words;
    this.#events.trouble(error && EdgeRunnerError.fromRecord(error));
  }

  #over(): void {
    this.#worker.terminate();
    this.#key.release();
    this.#closing ??= { done: Promise.resolve(), settle: () => {} };
    this.#closing.settle();
  }
}

/** Of what is wrong with these the server would only say that it does not understand. */
function check({ name, title = '', token }: ServerOptions, maxViewers: number): void {
  const wrong = [
    [!streamName.safeParse(name).success, `"${name.slice(0, 80)}" is no name of a stream`],
    [title.length > 200, 'This title is too long'],
    [token.length > 128, 'This is no token'],
    [!Number.isInteger(maxViewers) || maxViewers < 1 || maxViewers > MOST_VIEWERS, `${maxViewers} is no cap`],
  ].find(([isWrong]) => isWrong);
  if (!wrong) return;
  throw new EdgeRunnerError(
    'option-invalid',
    `${wrong[1]}.`,
    `A name has small letters, digits and -, at most 63; a title 200 characters; a stream 1 to ${MOST_VIEWERS} viewers.`,
  );
}

const post = (worker: Worker, message: ToPublisherWorker) => worker.postMessage(message);

const workerStopped = (message: string | undefined) =>
  new EdgeRunnerError(
    'engine-fault',
    `The worker of the connection stopped: ${message || 'it could not be loaded'}.`,
    "Load the page anew; a page of your own serves edge-runner's files from its own origin.",
  );
