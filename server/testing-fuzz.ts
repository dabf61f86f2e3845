/** Values that nobody should send, made of the schemas of what somebody should. */

/** Of JSON Schema what ours use. */
export interface Schema {
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  minimum?: number;
  maximum?: number;
  pattern?: string;
}

/** The same numbers each time: a failure can be looked at again. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Any value, some of it near what is asked for. */
export function anything(next: () => number, depth = 0): unknown {
  const words = [
    'v',
    'type',
    'sources',
    'kind',
    'pattern',
    '__proto__',
    'constructor',
    '\u0000',
    '../x',
    'a'.repeat(300),
  ];
  const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)]!;
  const kinds = ['number', 'text', 'odd', 'list', 'object'] as const;
  switch (depth > 3 ? pick(kinds.slice(0, 3)) : pick(kinds)) {
    case 'number':
      return pick([0, -1, 1, 1e308, 0.1, 2 ** 53, Math.floor(next() * 1e6)]);
    case 'text':
      return pick(words);
    case 'odd':
      return pick([null, true, false, '', {}, []]);
    case 'list':
      return Array.from({ length: Math.floor(next() * 4) }, () => anything(next, depth + 1));
    case 'object':
      return Object.fromEntries(
        Array.from({ length: Math.floor(next() * 4) }, () => [pick(words), anything(next, depth + 1)]),
      );
  }
}

/** A value with one thing in it made something else. */
export function bent(value: unknown, next: () => number): unknown {
  if (next() < 0.2 || typeof value !== 'object' || value === null) return anything(next);
  if (Array.isArray(value)) {
    const at = Math.floor(next() * value.length);
    return value.map((one: unknown, i) => (i === at ? bent(one, next) : one));
  }
  const entries = Object.entries(value);
  const at = Math.floor(next() * (entries.length + 1));
  if (at === entries.length) return { ...value, [`${anything(next)}`]: anything(next) };
  return Object.fromEntries(entries.map(([key, one], i) => [key, i === at ? bent(one, next) : one]));
}

/** What fits patterns of ours: ids, leases, digests, names. */
const WORDS = [
  ...['a_00000000000000000000', 'x'.repeat(32), '0'.repeat(64), 'in', 'clip.mp4', 'street-yolo'],
  ...['v_00000000000000000000', 's_00000000000000000000', 'v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n'],
  ...['2026-11-22T10:00:00Z', 'https://example.com/clip.mp4', 'u_00000000000000000000'],
];

/** Something that the schema takes, or nearly: patterns are met by luck. */
export function sampleOf(schema: Schema, next: () => number): unknown {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)]!;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return pick(schema.enum);
  const one = schema.anyOf ?? schema.oneOf;
  if (one) return sampleOf(pick(one), next);
  switch (Array.isArray(schema.type) ? pick(schema.type) : schema.type) {
    case 'object': {
      const { properties = {}, required = [] } = schema;
      const names = Object.keys(properties).filter((name) => required.includes(name) || next() < 0.5);
      return Object.fromEntries(names.map((name) => [name, sampleOf(properties[name]!, next)]));
    }
    case 'array':
      return Array.from({ length: Math.floor(next() * 3) }, () => sampleOf(schema.items ?? {}, next));
    case 'integer':
    case 'number':
      return pick([schema.minimum ?? 0, schema.maximum ?? 1, 1, 2]);
    case 'boolean':
      return next() < 0.5;
    case 'string': {
      const fitting = schema.pattern
        ? WORDS.filter((word) => new RegExp(schema.pattern!, 'u').test(word))
        : WORDS;
      return pick(fitting.length > 0 ? fitting : WORDS);
    }
    case 'null':
      return null;
    default:
      return anything(next);
  }
}
