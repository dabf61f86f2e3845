import { z } from 'zod';
import { TRUSTS } from '../job-spec.ts';
import { errorRecord, JOB_STATES, jobView, NODE_STATES } from './api.ts';
import { deviceReport, loadReport, pauseReason } from './device.ts';

/** What a dashboard shows of a farm while it goes on. */

/** A node in a list of hundreds; the rest of it is asked for one by one. */
export const farmNode = z.object({
  id: z.string(),
  name: z.string(),
  host: z.enum(['tab', 'headless']),
  state: z.enum(NODE_STATES),
  /** Why it is not active, in words. */
  reason: z.string().nullable(),
  /** When a suspended one is tried again. */
  suspendedUntil: z.iso.datetime().nullable(),
  pause: pauseReason.nullable(),
  connected: z.boolean(),
  trust: z.enum(TRUSTS),
  region: z.string().nullable(),
  labels: z.array(z.string()),
  slots: z.int(),
  /** Attempts in its hands. */
  running: z.int(),
  /** Frames a second now, of all of them. */
  fps: z.number(),
  cores: z.int().nullable(),
  /** As its browser calls it; null where it has none or a software one. */
  adapter: z.string().nullable(),
  device: deviceReport.nullable(),
  load: loadReport.nullable(),
  failures: z.int(),
  lastSeen: z.iso.datetime().nullable(),
});
export type FarmNode = z.infer<typeof farmNode>;

/** The farm at one moment. */
export const farmSample = z.object({
  /** Milliseconds since 1970. */
  at: z.int(),
  /** Nodes that are connected. */
  nodes: z.int(),
  /** Tasks under way, and those that wait. */
  running: z.int(),
  queued: z.int(),
  /** Frames a second of all nodes. */
  fps: z.number(),
});
export type FarmSample = z.infer<typeof farmSample>;

/** What is new since the message before; the first one of a connection holds all. */
export const farmNews = z.object({
  nodes: z.object({ changed: z.array(farmNode), gone: z.array(z.string()) }),
  /** The page of jobs that was asked for: all ids in their order, and those that changed. */
  jobs: z.object({ order: z.array(z.string()), changed: z.array(jobView), next: z.string().nullable() }),
  /** Jobs by state; of those that ended, of the last day. */
  counts: z.record(z.enum(JOB_STATES), z.int()),
  samples: z.array(farmSample),
  /** What whoever runs the server should see to. */
  problems: z.array(errorRecord),
});
export type FarmNews = z.infer<typeof farmNews>;
