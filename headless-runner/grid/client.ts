import type { Agent, IncomingMessage } from 'node:http';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { createInterface } from 'node:readline';
import { EdgeRunnerError, type ErrorCode, fromProblem, isRevoked } from '../../protocol/index.ts';
import { serverAgent } from './pinned-agent.ts';

/** How a server is reached, and as whom. */
export interface ServerAddress {
  url: URL;
  token: string | null;
  /** Fingerprint of its own CA; null where the system's are to know it. */
  pin: string | null;
  /** PEM, for servers that want to see one. */
  cert: string | null;
  key: string | null;
}

/**
 * How long a server that is not reached is asked again, milliseconds: one that is started anew takes seconds. Whoever has
 * work there waits until somebody has seen to it.
 */
const PATIENCE = { usual: 15_000, atWork: 15 * 60_000 };
const LONGEST_PAUSE = 8_000;
/** What a server answers that may answer otherwise in a moment. */
const PASSING: ReadonlySet<ErrorCode> = new Set(['server-fault', 'database-unreachable']);
/** Milliseconds that a last word may take. */
const LAST_WORD = 3_000;
/** A server that sends nothing for this long is taken as gone, milliseconds. */
const SILENCE = 60_000;

/** The API of a server, for commands. */
export class GridClient {
  readonly server: URL;
  readonly agent: Agent;
  readonly #token: string | null;
  readonly #signal: AbortSignal;
  #patience = PATIENCE.usual;

  private constructor(server: URL, agent: Agent, token: string | null, signal: AbortSignal) {
    this.server = server;
    this.agent = agent;
    this.#token = token;
    this.#signal = signal;
  }

  /** @throws {EdgeRunnerError} `certificate-unknown`, `server-unreachable` */
  static async open({ url, token, ...trust }: ServerAddress, signal: AbortSignal): Promise<GridClient> {
    return new GridClient(url, await serverAgent({ url, ...trust }), token, signal);
  }

  /** From now on there is something to lose. */
  waitLonger(): void {
    this.#patience = PATIENCE.atWork;
  }

  get headers(): Record<string, string> {
    return this.#token === null ? {} : { authorization: `Bearer ${this.#token}` };
  }

  /** Asked again when the server was not reached: for what may be asked twice. */
  async get<T>(path: string): Promise<T> {
    return this.#again(async () => JSON.parse(await text(await this.#ask('GET', path))) as T);
  }

  async send<T>(method: 'POST' | 'DELETE', path: string, body?: object): Promise<T> {
    const answer = await text(await this.#ask(method, path, body));
    return (answer === '' ? undefined : JSON.parse(answer)) as T;
  }

  /** The same, for what the server knows to have done already when it is sent twice. */
  async sendOnce<T>(path: string, body: { key: string; [word: string]: unknown }): Promise<T> {
    return this.#again(() => this.send<T>('POST', path, body));
  }

  /** Bytes `[start, end)` of a file. */
  async readBytes(path: string, start: number, end: number): Promise<Buffer> {
    return this.#again(async () => {
      const answer = await this.#ask('GET', path, undefined, { range: `bytes=${start}-${end - 1}` });
      return bytesOf(answer);
    });
  }

  /** Said once the command's own signal was given: nothing waits for the answer for long. */
  async sendAfterAll(path: string): Promise<void> {
    const patience = AbortSignal.timeout(LAST_WORD);
    await text(await this.#ask('POST', path, undefined, {}, patience));
  }

  /** Lines of NDJSON as they come; taken up again after the last id when the connection breaks. */
  async *follow<T extends { id: number | null }>(path: string): AsyncGenerator<T> {
    let last = 0;
    let heardAt = performance.now();
    for (let failures = 0; ; ) {
      try {
        const headers = { accept: 'application/x-ndjson', 'last-event-id': `${last}` };
        const answer = await this.#ask('GET', path, undefined, headers);
        for await (const line of createInterface({ input: answer })) {
          failures = 0;
          heardAt = performance.now();
          if (line === '') continue;
          const event = JSON.parse(line) as T;
          if (event.id !== null) last = event.id;
          yield event;
        }
        if (answer.complete) return;
      } catch (error) {
        this.#signal.throwIfAborted();
        if (error instanceof EdgeRunnerError && error.code !== 'server-unreachable') throw error;
        if (performance.now() - heardAt > this.#patience) throw error;
        failures++;
      }
      await this.#pause(failures);
    }
  }

  /** Whether a node's credential opens anything here. */
  async knowsNode(credential: string): Promise<boolean> {
    return this.#again(async () => {
      try {
        const headers = { authorization: `Bearer ${credential}` };
        (await this.#ask('GET', '/v1/models/street-yolo/descriptor', undefined, headers)).resume();
        return true;
      } catch (error) {
        if (error instanceof EdgeRunnerError && isRevoked(error)) return false;
        throw error;
      }
    });
  }

  async #again<T>(work: () => Promise<T>): Promise<T> {
    const began = performance.now();
    for (let failures = 1; ; failures++) {
      try {
        return await work();
      } catch (error) {
        this.#signal.throwIfAborted();
        if (!(error instanceof EdgeRunnerError) || error.code !== 'server-unreachable') throw error;
        if (performance.now() - began > this.#patience) throw error;
        await this.#pause(failures);
      }
    }
  }

  #ask(
    method: string,
    path: string,
    body?: object,
    more: Record<string, string> = {},
    signal = this.#signal,
  ): Promise<IncomingMessage> {
    const { server, agent } = this;
    const json = body === undefined ? null : Buffer.from(JSON.stringify(body));
    const headers = {
      ...this.headers,
      ...more,
      ...(json && { 'content-type': 'application/json', 'content-length': `${json.byteLength}` }),
    };
    const url = new URL(path, server);
    const open = server.protocol === 'https:' ? requestHttps : requestHttp;
    return new Promise<IncomingMessage>((resolve, reject) => {
      const request = open(url, { agent, method, headers, signal });
      request.setTimeout(SILENCE, () => request.destroy(new Error('it went silent')));
      request.once('error', (error) => reject(signal.aborted ? signal.reason : unreachable(server, error)));
      request.once('response', async (answer) => {
        const { statusCode = 0 } = answer;
        if (statusCode >= 200 && statusCode < 300) resolve(answer);
        else reject(await refusal(server, answer));
      });
      request.end(json ?? undefined);
    });
  }

  #pause(failures: number): Promise<void> {
    const ms = Math.random() * Math.min(LONGEST_PAUSE, 250 * 2 ** failures);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, ms);
      this.#signal.addEventListener(
        'abort',
        () => {
          clearTimeout(timer);
          reject(this.#signal.reason);
        },
        { once: true },
      );
    });
  }
}

const text = async (answer: IncomingMessage): Promise<string> => (await bytesOf(answer)).toString();

async function bytesOf(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of answer) chunks.push(chunk as Buffer);
  } catch (error) {
    throw new EdgeRunnerError(
      'server-unreachable',
      `The server broke off in the midst of its answer (${error instanceof Error ? error.message : error}).`,
      'Try again.',
    );
  }
  return Buffer.concat(chunks);
}

async function refusal(server: URL, answer: IncomingMessage): Promise<EdgeRunnerError> {
  const body = await text(answer).catch(() => '');
  const told = fromProblem(parse(body));
  const { statusCode = 0 } = answer;
  if (told && !PASSING.has(told.code)) return told;
  // One in front of it, or itself when it is just starting: worth another try.
  return new EdgeRunnerError(
    told || statusCode >= 500 ? 'server-unreachable' : 'server-refused',
    told?.message ?? `${server.origin} answered ${statusCode}.`,
    told?.remedy ?? 'Check that this is the address of an edge-runner server.',
  );
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

const unreachable = ({ origin }: URL, error: Error) =>
  new EdgeRunnerError(
    'server-unreachable',
    `${origin} was not reached: ${error.message || (error as NodeJS.ErrnoException).code}.`,
    'Check the address, that it begins with https where the server speaks TLS, and that the server runs.',
    { cause: error },
  );
