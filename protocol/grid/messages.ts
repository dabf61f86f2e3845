import { z } from 'zod';
import { ERROR_EXIT, type ErrorCode } from '../errors.ts';
import { jobSpec } from '../job-spec.ts';
import { nodeLabel, nodeLabels } from '../label.ts';
import { capabilityReport, measuredSpeeds } from './capabilities.ts';
import { deviceReport, loadReport, nodeHold, pauseReason } from './device.ts';
import { probeReport, segment } from './segment.ts';

/**
 * What a node and the server say to each other over one WebSocket, one JSON object a message. Unknown fields are
 * ignored, so that builds one apart can talk; unknown messages are refused.
 */
export const NODE_SUBPROTOCOL = 'edge-runner.1+json';
/** Rises when a message changes its meaning. A server refuses nodes below {@link LEAST_NODE_PROTOCOL}. */
export const NODE_PROTOCOL = 1;
export const LEAST_NODE_PROTOCOL = 1;

/** Characters of one message, at most. */
export const MOST_MESSAGE_BYTES = 1 << 20;

const attemptId = z.string().regex(/^a_[a-z0-9]{20}$/);
const lease = z.string().regex(/^[A-Za-z0-9_-]{32}$/);
const held = { attempt: attemptId, lease };
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const outputId = z.string().max(64);

/** Names of parts within an attempt: they become part of an address, never of a path. */
export const blobName = z.string().regex(/^[^/\\\0]{1,255}$/);

/** Bytes of one part of an output; the last may be shorter. The least that S3 takes is 5 MiB. */
export const PART_BYTES = 8 << 20;

/** One written file of an output: all its parts are with the server already. */
export const writtenFile = z.object({
  output: outputId,
  name: blobName,
  bytes: z.int().min(0),
  /** Of each part, in order; the parts but the last are {@link PART_BYTES} long. */
  parts: z.array(sha256).max(10_000),
  /** Its index should be moved to its front by whoever keeps it. */
  indexAtEnd: z.boolean().default(false),
});
export type WrittenFile = z.infer<typeof writtenFile>;

/** Files that one message names, at most: a depth map for each frame is too many for one. */
export const MOST_FILES = 1_000;
/** Of one attempt. */
export const MOST_FILES_IN_ALL = 100_000;

/** What came of a task besides files: the engine's own summary, of which the server reads this much. */
export const taskOutcome = z.looseObject({
  frames: z.int().min(0),
  seconds: z.number().min(0),
  truncated: z.boolean(),
  loss: z.string().max(4096).optional(),
  /** Of a node that gives only a share of its time: seconds that it worked at frames, and that it rested. */
  throttled: z.object({ worked: z.number().min(0), rested: z.number().min(0) }).optional(),
  /** Of a probe. */
  plan: probeReport.optional(),
  /** Of a segment: when its first frame is shown, and its last, microseconds of the source. */
  shown: z.object({ first: z.int(), last: z.int() }).optional(),
  /** By name of the zone. */
  zones: z.record(z.string(), z.unknown()).optional(),
});
export type TaskOutcome = z.infer<typeof taskOutcome>;

const errorCode = z.string().refine((code): code is ErrorCode => code in ERROR_EXIT, 'no known error code');

export const fromNode = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('hello'),
    protocol: z.int(),
    build: z.string().max(64),
    credential: z.string().max(128),
    host: z.enum(['tab', 'headless']),
    /** Tasks at a time. */
    slots: z.int().min(1).max(64),
    /** Further ones that it prepares meanwhile: reads ahead, loads the model, and waits for its turn. */
    ahead: z.int().min(0).max(1).default(0),
    /** Besides those of the token that it joined with. */
    labels: nodeLabels.default([]),
    /** Counts where that token names none. */
    region: nodeLabel.optional(),
    capabilities: capabilityReport,
    speeds: measuredSpeeds.default({}),
    device: deviceReport.optional(),
    /** As it stands while it connects. */
    pause: pauseReason.nullable().default(null),
    resume: z.array(z.object(held)).max(64).default([]),
  }),
  z.object({ type: z.literal('accept'), ...held }),
  z.object({
    type: z.literal('reject'),
    ...held,
    reason: z.enum(['busy', 'draining', 'incapable']),
  }),
  /** Says of every lease that the node still works on it. */
  z.object({
    type: z.literal('renew'),
    leases: z.array(z.object(held)).max(64),
    load: loadReport.optional(),
  }),
  z.object({
    type: z.literal('progress'),
    ...held,
    /** Rises: one that comes late says nothing. */
    seq: z.int().min(0),
    frames: z.int().min(0),
    of: z.int().min(0).nullable(),
    fps: z.number().min(0),
    /** It is prepared, and waits for what the node is at. */
    waits: z.boolean().default(false),
  }),
  z.object({ type: z.literal('log'), ...held, message: z.string().max(2048) }),
  /** Files of the result that follows on this connection, where they are too many for it. */
  z.object({ type: z.literal('files'), ...held, files: z.array(writtenFile).max(MOST_FILES) }),
  z.object({
    type: z.literal('result'),
    ...held,
    /** The last of them. */
    files: z.array(writtenFile).max(MOST_FILES),
    outcome: taskOutcome,
  }),
  z.object({
    type: z.literal('fail'),
    ...held,
    code: errorCode,
    message: z.string().max(4096),
    remedy: z.string().max(4096),
    /** Whether another node could do better: not so where the input itself is at fault. */
    retry: z.boolean(),
  }),
  /** Takes no more, finishes what it has, and leaves. */
  z.object({ type: z.literal('drain') }),
  /** Takes no more until it resumes. What it cannot finish it gives back. */
  z.object({ type: z.literal('pause'), reason: pauseReason }),
  z.object({ type: z.literal('resume') }),
  /** The attempt ends here, and speaks against nobody. */
  z.object({ type: z.literal('return'), ...held }),
  z.object({ type: z.literal('ping') }),
]);
export type FromNode = z.infer<typeof fromNode>;
export type NodeHello = Extract<FromNode, { type: 'hello' }>;

/** One task's work, as a node gets it. Sources are read from the server, models too. */
export const work = z.object({
  job: z.string(),
  task: z.string(),
  /**
   * To look at a source and cut it, to carry the job out, to encode the sound that goes with it, or to draw who was
   * followed through a segment.
   */
  kind: z.enum(['probe', 'process', 'sound', 'render']),
  /** Of a segment of a job that follows objects: they are found, and followed elsewhere, over all segments. */
  finds: z.boolean().default(false),
  /** The part of the source that it is about; the whole where there is none. */
  segment: segment.nullable().default(null),
  /** Of one source; addresses and secrets stay with the server, so every source is an `upload` here. */
  spec: jobSpec,
  /** By source id: where its bytes are read; still pictures lie below it, by their index. */
  sources: z.record(z.string(), z.string()),
});
export type Work = z.infer<typeof work>;

export const toNode = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('welcome'),
    node: z.string(),
    name: z.string(),
    /** Milliseconds a lease lasts after the last renewal was sent, and how often to send one. */
    ttlMs: z.int().positive(),
    renewMs: z.int().positive(),
    /** Milliseconds between two words of progress. */
    progressMs: z.int().positive(),
    /** Attempts of `resume` that the node still holds, and those that it has lost. */
    keep: z.array(attemptId),
    drop: z.array(attemptId),
  }),
  z.object({
    type: z.literal('offer'),
    ...held,
    ttlMs: z.int().positive(),
    /** Milliseconds after which the offer is withdrawn. */
    acceptMs: z.int().positive(),
    work,
  }),
  z.object({
    type: z.literal('renewed'),
    /** Attempts that are the node's no more: stop them. */
    lost: z.array(attemptId),
    /** Fresh addresses of sources, by attempt, then as in {@link work}. */
    sources: z.record(attemptId, z.record(z.string(), z.string())),
    /** As in `welcome`: it grows with the number of nodes. */
    progressMs: z.int().positive(),
  }),
  z.object({ type: z.literal('ack'), attempt: attemptId }),
  /** What was said of this attempt came too late, or was never the node's to say. */
  z.object({ type: z.literal('stale'), attempt: attemptId }),
  z.object({ type: z.literal('cancel'), attempt: attemptId, reason: z.string() }),
  /** The node is given no more work. */
  z.object({ type: z.literal('drain'), hold: nodeHold.nullable().default(null) }),
  /** The node may take work again. */
  z.object({ type: z.literal('resume') }),
  /** Never connect with this credential again. */
  z.object({ type: z.literal('revoke'), code: errorCode, message: z.string(), remedy: z.string() }),
  z.object({ type: z.literal('refused'), code: errorCode, message: z.string(), remedy: z.string() }),
  z.object({ type: z.literal('pong') }),
]);
export type ToNode = z.infer<typeof toNode>;
export type Offer = Extract<ToNode, { type: 'offer' }>;
