import { z } from 'zod';
import { type BannerInput, bannerState } from '../banner.ts';
import { ERROR_EXIT, type ErrorCode } from '../errors.ts';

/**
 * Live streams that browser tabs publish. The server passes session descriptions on (WHEP and WHIP), and keeps who
 * publishes, who watches and what lies over the picture; media goes from tab to viewer without it. A tab holds one
 * WebSocket, one JSON object a message: unknown fields are ignored, unknown messages refused.
 */
export const STREAM_SUBPROTOCOL = 'edge-runner.1+json';
/** Rises when a message changes its meaning. A server refuses tabs below {@link LEAST_STREAM_PROTOCOL}. */
export const STREAM_PROTOCOL = 1;
export const LEAST_STREAM_PROTOCOL = 1;

export const SDP_TYPE = 'application/sdp';
/** Of one session description, at most. */
export const MOST_SDP = 64 << 10;
/** That one stream may have at a time, at most. */
export const MOST_VIEWERS = 500;

/** Of one tenant, at most; those too that nobody publishes now. */
export const MOST_STREAMS = 1_000;

/** Whether a tab sends to those who watch (WHEP), or receives from those who send (WHIP). */
export const DIRECTIONS = ['out', 'in'] as const;
export type Direction = (typeof DIRECTIONS)[number];
export const STREAM_STATES = ['live', 'idle'] as const;

const viewer = z.string().regex(/^v_[a-z0-9]{20}$/);
/** What every session description begins with. A text with other control characters than its line ends is none. */
const sdp = z.string().max(MOST_SDP).refine(isSdp, 'no session description');
const errorCode = z.string().refine((code): code is ErrorCode => code in ERROR_EXIT, 'no known error code');

/** Names a stream within its tenant, and for whoever publishes it again. */
export const streamName = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'small letters, digits and -, at most 63');

/** A server for STUN or TURN, as `RTCPeerConnection` takes it. */
export const iceServer = z.object({
  urls: z.array(z.string()),
  username: z.string().optional(),
  credential: z.string().optional(),
});
export type IceServer = z.infer<typeof iceServer>;

/** The same, as somebody who runs a server writes it down. */
const writtenIceServer = z
  .strictObject({
    urls: z.preprocess((urls) => (typeof urls === 'string' ? [urls] : urls), z.array(iceUrl()).min(1).max(8)),
    username: iceWord().optional(),
    credential: iceWord().optional(),
  })
  .refine(
    ({ urls, username, credential }) =>
      !urls.some((url) => /^turns?:/.test(url)) || (username !== undefined && credential !== undefined),
    'a TURN server wants username and credential',
  );
export const writtenIceServers = z.array(writtenIceServer).max(16);

/** What of a banner is kept; the revision rises with every change, whoever made it. */
export const keptBanner = z.object({ revision: z.int().min(0), state: bannerState });
export type KeptBanner = z.infer<typeof keptBanner>;

const kinds = { type: z.literal('signal'), viewer };

export const fromPublisher = z.union([
  z.discriminatedUnion('type', [
    z.object({
      type: z.literal('publish'),
      protocol: z.int(),
      build: z.string().max(64),
      /** Of scope `publish`. */
      token: z.string().max(128),
      name: streamName,
      title: z.string().max(200).default(''),
      direction: z.enum(DIRECTIONS).default('out'),
      maxViewers: z.int().min(1).max(MOST_VIEWERS).default(8),
      /** Random, of this tab: who shows it again is the same tab, and has its stream back at once. */
      session: z.string().regex(/^[A-Za-z0-9_-]{16,64}$/),
      /** Id of what it has published until its connection broke: deleted meanwhile, it is not made anew. */
      stream: z.string().max(64).optional(),
    }),
    /** Somebody at the tab changed the banner. The server keeps it, and says so, with the number that it came with. */
    z.object({
      type: z.literal('banner'),
      edit: z.int().min(0).default(0),
      state: z.custom<BannerInput>(isObject, 'no banner'),
    }),
    z.object({ type: z.literal('ping') }),
    /** It publishes no more, and does not come back: its stream is idle from now on. */
    z.object({ type: z.literal('leave') }),
  ]),
  z.discriminatedUnion('kind', [
    z.object({ ...kinds, kind: z.literal('answer'), sdp }),
    /** The tab does not take this viewer. */
    z.object({ ...kinds, kind: z.literal('refuse'), message: z.string().max(500) }),
    /** The viewer is gone, or was sent away. */
    z.object({ ...kinds, kind: z.literal('bye') }),
  ]),
]);
export type FromPublisher = z.infer<typeof fromPublisher>;
export type Publish = Extract<FromPublisher, { type: 'publish' }>;
export type PublisherSignal = Extract<FromPublisher, { type: 'signal' }>;

export const toPublisher = z.union([
  z.discriminatedUnion('type', [
    z.object({
      type: z.literal('published'),
      /** Its id. */
      stream: z.string(),
      /** Where players (WHEP) or senders (WHIP) post their offers, on this server. */
      path: z.string(),
      iceServers: z.array(iceServer),
      banner: keptBanner.nullable(),
      /** Those that count as alive: the tab drops all others, and says `bye` for each of these that it does not have. */
      viewers: z.array(viewer),
      /** Milliseconds that the stream stays live, and the tab's own, when the tab is not heard of. */
      ttlMs: z.int().positive(),
      /** Milliseconds between two signs of life that the tab gives. */
      pingMs: z.int().positive(),
    }),
    /** What the server keeps now. */
    z.object({
      ...{ type: z.literal('banner'), ...keptBanner.shape },
      /** The tab's own change that this answers; 0 for anybody else's. */
      edit: z.int().min(0).optional(),
    }),
    /**
     * About one message (`message-invalid`, `banner-invalid`), after which all else goes on; any other code ends the
     * connection.
     */
    z.object({ type: z.literal('refused'), code: errorCode, message: z.string(), remedy: z.string() }),
    z.object({ type: z.literal('pong') }),
  ]),
  z.discriminatedUnion('kind', [
    z.object({ ...kinds, kind: z.literal('offer'), sdp }),
    z.object({ ...kinds, kind: z.literal('bye') }),
  ]),
]);
export type ToPublisher = z.infer<typeof toPublisher>;

const time = z.iso.datetime();

export const streamView = z.object({
  id: z.string(),
  name: z.string(),
  title: z.string(),
  direction: z.enum(DIRECTIONS),
  state: z.enum(STREAM_STATES),
  /** Of those who watch or send now. */
  viewers: z.int(),
  maxViewers: z.int(),
  /** Where offers are posted: WHEP of `out`, WHIP of `in`. */
  path: z.string(),
  bannerRevision: z.int(),
  createdAt: time,
  /** When it went live last. */
  publishedAt: time,
  /** When the tab was heard of last. */
  seenAt: time,
});
export type StreamView = z.infer<typeof streamView>;
export const streamList = z.object({ streams: z.array(streamView) });

/** Revision 0 is that of a stream that never had one. */
export const bannerView = z.object({ revision: z.int().min(0), state: bannerState.nullable() });
export type BannerView = z.infer<typeof bannerView>;

export const iceServerList = z.object({ iceServers: z.array(iceServer) });

/** Whether a text may be a session description (RFC 8866): its first line, lines of one letter and a value, some media. */
export function isSdp(text: string): boolean {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return (
    lines[0] === 'v=0' &&
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for.
    lines.every((line) => /^[a-z]=[^\0-\x08\x0a-\x1f\x7f]*$/.test(line)) &&
    lines.some((line) => line.startsWith('m='))
  );
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** It goes into the header of an answer as well: nothing that would end it there. */
function iceUrl() {
  return z
    .string()
    .max(512)
    .regex(/^(?:stuns?|turns?):[^\s<>"\\]+$/, 'an address such as stun:stun.example.net:3478')
    .regex(/^[!-~]+$/, 'ASCII only');
}

function iceWord() {
  return z
    .string()
    .min(1)
    .max(512)
    .regex(/^[ -~]+$/, 'ASCII only, on one line');
}
