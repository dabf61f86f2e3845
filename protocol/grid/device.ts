import { z } from 'zod';

const share = z.number().min(0).max(1);
const words = z.string().max(256);
/** Degrees Celsius. */
const temperature = z.number().min(-100).max(250);

/** What a node is made of, as its command sees it: pages are told little of that. */
export const deviceReport = z.object({
  system: words,
  cpu: words,
  /** Bytes. */
  memory: z.number().min(0),
  gpus: z
    .array(
      z.object({
        name: words,
        /** Bytes; null where nothing tells. */
        memory: z.number().min(0).nullable(),
        driver: words.nullable(),
      }),
    )
    .max(32),
});
export type DeviceReport = z.infer<typeof deviceReport>;

/** How a node fares now; null is what nothing tells. */
export const loadReport = z.object({
  /** Of all cores. */
  cpu: share.nullable(),
  memory: share.nullable(),
  /** Of the processor, degrees Celsius. */
  temperature: temperature.nullable(),
  /** In the order of the device's. */
  gpus: z
    .array(
      z.object({ load: share.nullable(), memory: share.nullable(), temperature: temperature.nullable() }),
    )
    .max(32),
  /** Null where there is none. */
  battery: z.object({ level: share, charging: z.boolean() }).nullable(),
  /** What is nearly too much, by the limits that whoever runs the machine has set. */
  warning: words.optional(),
});
export type LoadReport = z.infer<typeof loadReport>;

export const PAUSE_CODES = ['user', 'battery', 'thermal', 'schedule'] as const;

/** Why a node takes no work for a while, of its own accord. */
export const pauseReason = z.object({ code: z.enum(PAUSE_CODES), message: z.string().max(512) });
export type PauseReason = z.infer<typeof pauseReason>;

/** Why the server gives a node no more work. */
export const nodeHold = z.object({
  state: z.enum(['draining', 'disabled', 'suspended']),
  /** In words of whoever did it, or of the server. */
  reason: z.string().max(512).nullable(),
  /** Until when, where it ends by itself. */
  until: z.iso.datetime().nullable(),
});
export type NodeHold = z.infer<typeof nodeHold>;
