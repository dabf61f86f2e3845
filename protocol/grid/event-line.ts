import { z } from 'zod';

/**
 * The event lines that an engine writes of a segment, as they are read before they go into those of the whole: of a
 * node, which may send anything.
 */

const text = z.string().max(10_000);
const index = z.int().min(0);
const rate = z.number().positive().nullable();

const detection = z.strictObject({
  class: text,
  id: index,
  score: z.number(),
  box: z.tuple([z.number(), z.number(), z.number(), z.number()]),
  track: index.optional(),
});

const zone = { zone: text, track: index };
const zoneEvent = z.discriminatedUnion('event', [
  z.strictObject({ ...zone, event: z.literal('enter') }),
  z.strictObject({ ...zone, event: z.literal('exit'), dwell: z.number() }),
  z.strictObject({ ...zone, event: z.literal('cross'), direction: z.enum(['forward', 'backward']) }),
]);

export const frameLine = z.strictObject({
  v: z.literal(1),
  type: z.literal('frame'),
  source: text,
  frame: index,
  time: z.number(),
  detections: z.array(detection).optional(),
  depth: z
    .strictObject({ p2: z.number(), p50: z.number(), p98: z.number(), min: z.number(), max: z.number() })
    .optional(),
  zones: z.array(zoneEvent).optional(),
  occupancy: z.record(text, index).optional(),
  size: z.tuple([z.number(), z.number()]).optional(),
});

export const sourceLine = z.strictObject({
  v: z.literal(1),
  type: z.literal('source'),
  source: text,
  name: text,
  width: index,
  height: index,
  fps: rate,
  frames: index.nullable(),
  duration: z.number().nullable(),
  codec: text,
  backend: text,
  backendReason: text,
  models: z.record(text, text),
  depthLarger: z.enum(['nearer', 'farther']).optional(),
});
