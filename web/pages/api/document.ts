/** The parts of an OpenAPI 3.1 document that this page reads; our own server writes it. */

export interface Schema {
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  default?: unknown;
  minimum?: number;
  /** Of what somebody would ask for, the least first. */
  examples?: unknown[];
  description?: string;
}

export interface Parameter {
  name: string;
  in: 'path' | 'query';
  required?: boolean;
  schema: Schema;
}

export interface Operation {
  operationId: string;
  summary: string;
  description: string;
  parameters?: Parameter[];
  /** By media type; one. */
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, { content?: Record<string, { schema?: Schema }> }>;
}

export interface Document {
  info: { title: string; version: string; description: string };
  paths: Record<string, Record<string, Operation>>;
}

/** One thing that can be asked of the server. */
export interface Call {
  method: string;
  path: string;
  operation: Operation;
}

/** What an operation takes. */
export interface Body {
  type: string;
  schema: Schema;
}

export function bodyOf({ requestBody }: Operation): Body | null {
  const [entry] = Object.entries(requestBody?.content ?? {});
  return entry ? { type: entry[0], schema: entry[1].schema } : null;
}

/** By what they are about: the word after the version. */
export function groupsOf({ paths }: Document): [string, Call[]][] {
  const groups = new Map<string, Call[]>();
  for (const [path, methods] of Object.entries(paths))
    for (const [method, operation] of Object.entries(methods)) {
      const group = /^\/v1\/([^/]+)/.exec(path)?.[1] ?? 'server';
      groups.set(group, [...(groups.get(group) ?? []), { method: method.toUpperCase(), path, operation }]);
    }
  return [...groups];
}

/** Something of that shape, to begin with: what must be there, and what is one of a few words. */
export function example(schema: Schema): unknown {
  if (schema.default !== undefined) return schema.default;
  if (schema.examples) return schema.examples[0];
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  const [first] = schema.anyOf ?? schema.oneOf ?? [];
  if (first) return example(first);
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  switch (type) {
    case 'object': {
      const { properties = {}, required = [] } = schema;
      return Object.fromEntries(required.map((name) => [name, example(properties[name] ?? {})]));
    }
    case 'array':
      return schema.items ? [example(schema.items)] : [];
    case 'string':
      return '';
    case 'integer':
    case 'number':
      return schema.minimum ?? 0;
    case 'boolean':
      return false;
    default:
      return null;
  }
}
