import { z } from 'zod';
import { errorRecord, PROBLEM_TYPE, problem } from '../../protocol/index.ts';
import type { Access, Route } from './route.ts';

const WORDS: Record<Access, string> = {
  public: 'Anybody.',
  login: 'Whoever has a code or a token, in the body.',
  admin: 'A token of scope `admin`.',
  submit: 'A token of scope `submit` or `admin`.',
  read: 'A token of scope `read`, `submit` or `admin`.',
  enrol: 'A token of scope `enrol`.',
  publish: 'A token of scope `publish` or `admin`.',
  view: 'A token of scope `view`, `publish` or `admin`.',
  node: "A node's credential, or a token of scope `read`, `submit` or `admin`.",
  lease: 'The lease of the attempt.',
  signed: 'Whoever has the address: it is signed, and ends.',
};

/** The API as an OpenAPI 3.1 document, made of the same schemas that read what comes in. */
export function openApi(routes: readonly Route[], build: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const one of routes) {
    const path = one.path.replace(/:(\w+)/g, '{$1}');
    paths[path] ??= {};
    paths[path][one.method] = operation(one);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'edge-runner',
      version: build,
      description:
        'A grid of browsers that work on video. Errors are RFC 9457 problem details with a code and a remedy.',
    },
    paths,
    components: {
      schemas: { Problem: jsonSchema(problem), Error: jsonSchema(errorRecord) },
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
    },
  };
}

function operation({ name, summary, access, path, query, body, bodyType, answer }: Route): object {
  const parameters = [
    ...[...path.matchAll(/:(\w+)/g)].map(([, param]) => ({
      name: param,
      in: 'path',
      required: true,
      schema: { type: 'string' },
    })),
    ...(query ? queryParameters(query) : []),
  ];
  return {
    operationId: name,
    summary,
    description: WORDS[access],
    'x-access': access,
    security: ['public', 'login', 'signed'].includes(access) ? [] : [{ token: [] }],
    ...(parameters.length > 0 && { parameters }),
    ...(body && {
      requestBody: {
        required: true,
        content: { [bodyType ?? 'application/json']: { schema: jsonSchema(body) } },
      },
    }),
    responses: {
      [answer.status]: {
        description: 'Done.',
        ...(answer.schema && { content: { 'application/json': { schema: jsonSchema(answer.schema) } } }),
        ...(answer.type && { content: { [answer.type]: {} } }),
      },
      default: {
        description: 'Refused.',
        content: { [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  };
}

function queryParameters(query: z.ZodType): object[] {
  const { properties = {} } = jsonSchema(query) as { properties?: Record<string, object> };
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', schema }));
}

/** What is read, not what comes of it; refinements that JSON Schema has no word for are left out. */
const jsonSchema = (schema: z.ZodType): object => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Record<
    string,
    unknown
  >;
  return rest;
};
