import { effect, signal } from '@preact/signals';
import {
  type Call,
  callStream,
  type Publication,
  publishStream,
  type Sending,
  type SendingStats,
  sendWhip,
} from 'edge-runner';
import { EdgeRunnerError, type ErrorRecord } from '../../../protocol/index.ts';
import { banner, edits, session, show } from './session.ts';

const { pipeline, sources } = session;

/** Where the picture goes besides this page's own. */

export const WAYS = {
  publish: 'Publish here (WHEP)',
  whip: 'Send to a server (WHIP)',
  call: 'Call another page',
} as const;
export type Way = keyof typeof WAYS;

export interface Destination {
  way: Way;
  /** Of the server that relays, or of the WHIP or WHEP endpoint. */
  address: string;
  token: string;
  /** Of the stream that is published. */
  name: string;
  maxViewers: number;
  /** Whether those who call are taken. */
  calls: boolean;
}

/** What goes out; null while nothing does. */
export type Out =
  | { way: 'publish'; publication: Publication }
  | { way: 'whip'; sending: Sending }
  | { way: 'call'; call: Call };

export const out = signal<Out | null>(null);
export const busy = signal(false);
export const viewers = signal(0);
export const stats = signal<SendingStats | null>(null);
/** Why it could not begin, or ended. */
export const refused = signal<ErrorRecord | null>(null);
/** What is wrong just now; it goes on by itself. */
export const trouble = signal<ErrorRecord | null>(null);
/** Whoever is at the other end of a call, by the viewer's name; one that this page called is `''`. */
export const callers = signal<ReadonlyMap<string, MediaStream>>(new Map());

const onTrouble = (error: EdgeRunnerError | null) => {
  trouble.value = error?.toRecord() ?? null;
};

function setCaller(viewer: string, stream: MediaStream | null): void {
  const next = new Map(callers.value);
  if (stream) next.set(viewer, stream);
  else next.delete(viewer);
  callers.value = next;
}

/** Begins to send what the pipeline yields. */
export async function begin(destination: Destination): Promise<void> {
  const { value: running } = pipeline;
  if (!running || busy.value) return;
  busy.value = true;
  refused.value = null;
  try {
    out.value = await opened(destination, running.stream);
    if (pipeline.value !== running) await end();
  } catch (error) {
    refused.value = EdgeRunnerError.from(error).toRecord();
  } finally {
    busy.value = false;
  }
}

async function opened(
  { way, address, token, name, maxViewers, calls }: Destination,
  stream: MediaStream,
): Promise<Out> {
  const endpoint = { url: address, ...(token && { token }) };
  switch (way) {
    case 'whip':
      return { way, sending: await sendWhip(stream, endpoint, { onTrouble }) };
    case 'call': {
      const call = await callStream(stream, endpoint, {
        onTrouble,
        onStream: (other) => setCaller('', other),
      });
      if (call.stream) setCaller('', call.stream);
      return { way, call };
    }
    case 'publish': {
      const publication = await publishStream(
        stream,
        { server: address, token, name, maxViewers, calls },
        {
          onTrouble,
          onViewers: (count) => {
            viewers.value = count;
          },
          onBanner: show,
          onCaller: setCaller,
          onEnd: (error) => {
            refused.value = error.toRecord();
            forget();
          },
        },
      );
      // What was set from outside before counts; else everybody sees what is here.
      if (publication.banner) show(publication.banner.state);
      else publication.setBanner(banner.peek());
      return { way, publication };
    }
  }
}

function forget(): void {
  out.value = null;
  stats.value = trouble.value = null;
  viewers.value = 0;
  callers.value = new Map();
}

export async function end(): Promise<void> {
  const { value: going } = out;
  forget();
  if (going) await transportOf(going).close();
}

const transportOf = (going: Out) =>
  going.way === 'publish' ? going.publication : going.way === 'whip' ? going.sending : going.call;

// What is edited here is what everybody sees.
effect(() => {
  edits.value;
  const going = out.peek();
  if (going?.way === 'publish' && edits.value > 0) going.publication.setBanner(banner.peek());
});

effect(() => {
  const going = out.peek();
  if (sources.value > 0 && going && pipeline.peek()) transportOf(going).setStream(pipeline.peek()!.stream);
});

// Without a picture there is nothing to send.
effect(() => {
  if (!pipeline.value && out.peek()) end();
});

/** Milliseconds between two looks at how it goes. */
const LOOK = 1_000;

effect(() => {
  const { value: going } = out;
  if (!going) return;
  const timer = setInterval(async () => {
    const measured = await transportOf(going)
      .stats()
      .catch(() => null);
    if (out.peek() === going) stats.value = measured;
  }, LOOK);
  return () => clearInterval(timer);
});
