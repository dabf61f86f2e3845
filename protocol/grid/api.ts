import { z } from 'zod';
import { ERROR_EXIT, type ErrorCode } from '../errors.ts';
import { jobSpec, TRUSTS } from '../job-spec.ts';
import { nodeLabel, nodeLabels } from '../label.ts';
import { capabilityReport, measuredSpeeds } from './capabilities.ts';
import { deviceReport, loadReport, pauseReason } from './device.ts';
import { taskOutcome } from './messages.ts';
import { segment } from './segment.ts';

/** What a token may do. `admin` may all of it within its tenant; `submit` may read too, and `publish` view. */
export const SCOPES = ['admin', 'submit', 'read', 'enrol', 'publish', 'view'] as const;
export type Scope = (typeof SCOPES)[number];

export const JOB_STATES = ['queued', 'running', 'done', 'failed', 'cancelled'] as const;
export type JobState = (typeof JOB_STATES)[number];

export const NODE_STATES = ['active', 'draining', 'disabled', 'suspended'] as const;
export type NodeState = (typeof NODE_STATES)[number];

const time = z.iso.datetime();
const name = z.string().min(1).max(128);
const errorCode = z.string().refine((code): code is ErrorCode => code in ERROR_EXIT);

export const errorRecord = z.object({ code: errorCode, message: z.string(), remedy: z.string() });

/** Bytes of a request's JSON, at most. */
export const MOST_JSON = 1 << 20;

export const newJob = z.strictObject({
  spec: jobSpec,
  /** Chosen by the client: the same key again answers with the job that it made, and makes no other. */
  key: z.string().min(8).max(128).optional(),
});

/** A file that an accepted attempt wrote. */
export const resultFile = z.object({
  task: z.int().min(0),
  source: z.string(),
  output: z.string(),
  name: z.string(),
  bytes: z.int().min(0),
  /** Of its parts of `partBytes`, in order; the last may be shorter. */
  parts: z.array(z.string()),
  partBytes: z.int().positive(),
  indexAtEnd: z.boolean(),
  /** Path on this server. */
  path: z.string(),
});
export type ResultFile = z.infer<typeof resultFile>;

export const jobView = z.object({
  id: z.string(),
  /** What people call it. */
  title: z.string(),
  state: z.enum(JOB_STATES),
  priority: z.int(),
  createdAt: time,
  startedAt: time.nullable(),
  endedAt: time.nullable(),
  tasks: z.object({ total: z.int(), done: z.int(), running: z.int(), failed: z.int() }),
  /** Frames done of all its tasks; `of` is null while nobody knows. */
  frames: z.int(),
  of: z.int().nullable(),
  /** Frames a second now, of all nodes at work on it. */
  fps: z.number(),
  error: errorRecord.nullable(),
});
export type JobView = z.infer<typeof jobView>;

export const attemptView = z.object({
  id: z.string(),
  n: z.int(),
  /** Id and name of the node; null of what the server did itself. */
  nodeId: z.string().nullable(),
  node: z.string().nullable(),
  state: z.string(),
  startedAt: time,
  endedAt: time.nullable(),
  frames: z.int(),
  error: errorRecord.nullable(),
});

export const taskView = z.object({
  ordinal: z.int(),
  kind: z.string(),
  state: z.string(),
  source: z.string(),
  segment: segment.nullable(),
  attempts: z.array(attemptView),
  outcome: taskOutcome.nullable(),
  error: errorRecord.nullable(),
});

export const jobDetail = jobView.extend({
  /** Values of headers are left out: they are secrets. */
  spec: jobSpec,
  taskList: z.array(taskView),
  files: z.array(resultFile),
});
export type JobDetail = z.infer<typeof jobDetail>;

export const jobPage = z.object({ jobs: z.array(jobView), next: z.string().nullable() });
export type JobPage = z.infer<typeof jobPage>;

/** What happened to a job, a task or an attempt of it; `progress` is of the moment and bears no id. */
export const jobEvent = z.object({
  id: z.int().nullable(),
  at: time,
  type: z.string(),
  job: z.string(),
  task: z.int().nullable(),
  attempt: z.string().nullable(),
  node: z.string().nullable(),
  data: z.record(z.string(), z.unknown()),
});
export type JobEvent = z.infer<typeof jobEvent>;

/** What a `progress` event holds. */
export const jobProgress = z.object({
  frames: z.int(),
  of: z.int().nullable(),
  fps: z.number(),
  /** Tasks. */
  done: z.int(),
  total: z.int(),
  /** Why none of its tasks is under way, in words; null while one is, or may be at any moment. */
  waiting: z.string().nullable(),
  /** What whoever runs the server should see to. */
  problems: z.array(errorRecord),
});
export type JobProgress = z.infer<typeof jobProgress>;

export const newToken = z.strictObject({
  name,
  scope: z.enum(SCOPES).meta({ examples: ['read'] }),
  /** Seconds that it is good for; for ever when absent. */
  expiresIn: z
    .int()
    .positive()
    .max(10 * 365 * 86_400)
    .optional(),
  /** Of nodes that enrol with it. */
  labels: nodeLabels.default([]),
  region: nodeLabel.optional(),
  trust: z.enum(TRUSTS).default('untrusted'),
});
export const tokenView = z.object({
  id: z.string(),
  name: z.string(),
  scope: z.enum(SCOPES),
  labels: z.array(z.string()),
  region: z.string().nullable(),
  trust: z.enum(TRUSTS),
  createdAt: time,
  expiresAt: time.nullable(),
  revokedAt: time.nullable(),
  lastUsedAt: time.nullable(),
});
/** Shown once: the server keeps a hash only. */
export const mintedToken = tokenView.extend({ token: z.string() });
export type TokenView = z.infer<typeof tokenView>;
export type MintedToken = z.infer<typeof mintedToken>;
export const tokenList = z.object({ tokens: z.array(tokenView) });

/** A browser logs in with the code of a link, or with a token that somebody pasted. */
export const newSession = z.union([
  z.strictObject({ code: z.string().max(128) }),
  z.strictObject({ token: z.string().max(128) }),
]);
/** Of the browser that the link is for. */
export const newLogin = z.strictObject({ scope: z.enum(['admin', 'submit', 'read']).default('admin') });
export const sessionView = z.object({
  id: z.string(),
  name: z.string(),
  scope: z.enum(SCOPES),
  /** Whether it is of who runs the server. */
  operator: z.boolean(),
});
export type SessionView = z.infer<typeof sessionView>;

export const newTenant = z.strictObject({
  name,
  /** Least trust of a node that may have any of its jobs. */
  leastTrust: z.enum(TRUSTS).default('untrusted'),
});
export const tenantView = z.object({
  id: z.string(),
  name: z.string(),
  leastTrust: z.enum(TRUSTS),
  createdAt: time,
});
export const mintedTenant = tenantView.extend({ admin: mintedToken });
export const tenantList = z.object({ tenants: z.array(tenantView) });

export const newNode = z.strictObject({ name, host: z.enum(['tab', 'headless']) });
/** Shown once, as a token is. */
export const enrolledNode = z.object({ node: z.string(), name: z.string(), credential: z.string() });
export const nodeView = z.object({
  id: z.string(),
  name: z.string(),
  host: z.enum(['tab', 'headless']),
  state: z.enum(NODE_STATES),
  /** Why it is not active, in words. */
  reason: z.string().nullable(),
  /** When a suspended one is tried again. */
  suspendedUntil: time.nullable(),
  connected: z.boolean(),
  trust: z.enum(TRUSTS),
  region: z.string().nullable(),
  labels: z.array(z.string()),
  build: z.string().nullable(),
  slots: z.int(),
  running: z.int(),
  capabilities: capabilityReport.nullable(),
  device: deviceReport.nullable(),
  /** As it was last written down: that of now is in the farm's news. */
  load: loadReport.nullable(),
  /** Why it takes nothing for a while, of its own accord. */
  pause: pauseReason.nullable(),
  speeds: measuredSpeeds,
  failures: z.int(),
  createdAt: time,
  lastSeen: time.nullable(),
});
export type NodeView = z.infer<typeof nodeView>;
/** What a node did, or does, of a job. */
export const nodeAttempt = attemptView.omit({ nodeId: true, node: true }).extend({
  job: z.string(),
  /** Of the job. */
  title: z.string(),
  task: z.int(),
});
export type NodeAttempt = z.infer<typeof nodeAttempt>;
export const nodeDetail = nodeView.extend({
  /** Newest first, of jobs of the tenant that asks. */
  lastAttempts: z.array(nodeAttempt),
});
export type NodeDetail = z.infer<typeof nodeDetail>;
export const nodeList = z.object({ nodes: z.array(nodeView) });

export const modelView = z.object({
  name: z.string(),
  task: z.string(),
  /** Whether its file lies on the server already. */
  here: z.boolean(),
});
export const modelList = z.object({ models: z.array(modelView) });

/** Parts that a node is about to send, of one file of an output. */
export const newParts = z.strictObject({
  output: z.string().max(64),
  name: z.string().regex(/^[^/\\\0]{1,255}$/),
  parts: z
    .array(
      z.strictObject({
        index: z.int().min(0).max(9_999),
        bytes: z.int().min(0),
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
      }),
    )
    .min(1)
    .max(64),
});
/** Where each goes with a PUT, in the order asked, and what headers to send along. */
export const partTargets = z.object({
  targets: z.array(z.object({ url: z.string(), headers: z.record(z.string(), z.string()) })),
});

export const auditEntry = z.object({
  id: z.int(),
  at: time,
  /** Name of the token that did it. */
  by: z.string(),
  action: z.string(),
  subject: z.string(),
  data: z.record(z.string(), z.unknown()),
});
export const auditPage = z.object({ entries: z.array(auditEntry), next: z.int().nullable() });

/** What whoever adds a node has to know of a server. */
export const serverView = z.object({
  build: z.string(),
  /** By which others may reach it, the likeliest first. */
  addresses: z.array(z.string()),
  /** Whether only its own machine reaches it. */
  local: z.boolean(),
  /** Fingerprint of the authority of its certificate, where that is its own, and the sha256 of `/ca.pem`. */
  pin: z.string().nullable(),
  caSha256: z.string().nullable(),
});
export type ServerView = z.infer<typeof serverView>;

export const health = z.object({ status: z.literal('ok'), build: z.string() });
