import { z } from 'zod';

const path = z.enum(['hardware', 'software', 'no']);

/** Encoders that describe their packets alike: the first of a digest of the record that goes with these. */
export const encoderClass = z.string().regex(/^[0-9a-f]{12}$/);

/** What a browser can do, as its page found out. */
export const capabilityReport = z.object({
  userAgent: z.string().max(1024),
  secureContext: z.boolean(),
  crossOriginIsolated: z.boolean(),
  cores: z.int().min(1).max(4096),
  /** GiB, as coarse as browsers tell; null where they do not. */
  memoryGiB: z.number().positive().nullable(),
  jspi: z.boolean(),
  adapter: z
    .object({
      vendor: z.string().max(256),
      architecture: z.string().max(256),
      description: z.string().max(1024),
      software: z.boolean(),
      f16: z.boolean(),
      /** Bytes of the largest buffer. */
      maxBufferSize: z.number().min(0),
      features: z.array(z.string().max(64)).max(128),
    })
    .nullable(),
  /** By codec, such as `h264`, `vp9 10-bit`. */
  decode: z.record(z.string().max(32), path),
  encode: z.record(z.string().max(32), path),
  /** By codec, of those that it encodes. */
  encoderClasses: z.record(z.string().max(32), encoderClass).default({}),
  audioDecode: z.record(z.string().max(32), z.boolean()),
});
export type CapabilityReport = z.infer<typeof capabilityReport>;

/** Frames a second that a node was measured at, by backend, then by kind of work (`transcode`, `detect`). */
export const measuredSpeeds = z.partialRecord(
  z.enum(['webgpu', 'cpu']),
  z.record(z.string().max(128), z.number().min(0)),
);
export type MeasuredSpeeds = z.infer<typeof measuredSpeeds>;
