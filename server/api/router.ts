import express, {
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
  Router,
} from 'express';
import type { Logger } from 'pino';
import type { z } from 'zod';
import { EdgeRunnerError, MOST_JSON, PROBLEM_TYPE, toProblem } from '../../protocol/index.ts';
import { full } from '../disk-room.ts';
import { onlyPlainText } from '../net/json.ts';
import type { Access, Call, Caller, Route } from './route.ts';
import { sessionOf } from './session-cookie.ts';

export interface RouterOptions {
  /** Who calls, where a route wants to know. @throws {EdgeRunnerError} `token-…`, `scope-missing` */
  admit(access: Access, bearer: string): Promise<Caller | null>;
  audit(caller: Caller, action: string, subject: string, data: object): Promise<void>;
}

/** A path parameter is an id of ours, a signed word or a plain name: never a way to somewhere else. */
const PARAMETER = /^(?!\.{1,2}$)[^/\\\0]{1,2048}$/;

/** Puts a table of routes to work: who may call, what was sent, what is answered, all in one place. */
export function buildRouter(routes: readonly Route[], options: RouterOptions): Router {
  const router = Router({ caseSensitive: true, strict: true });
  for (const one of routes) {
    router[one.method](
      one.path,
      ...bodyReader(one),
      (request: Request, response: Response, next: NextFunction) => {
        answer(one, request, response, options).catch(next);
      },
    );
  }
  return router;
}

function bodyReader({ body, bodyType, mostBody: limit = MOST_JSON }: Route): RequestHandler[] {
  if (!body) return [];
  return bodyType
    ? [express.text({ type: bodyType, limit })]
    : [express.json({ limit, strict: false, reviver: onlyPlainText })];
}

async function answer(
  one: Route,
  request: Request,
  response: Response,
  { admit, audit }: RouterOptions,
): Promise<void> {
  // No address of ours has it, and no database takes it.
  if (/%00/.test(request.originalUrl)) throw notFound('such address');
  const bearer = bearerOf(request);
  const caller = await admit(one.access, bearer);
  const params = request.params as Record<string, string>;
  if (!Object.values(params).every((value) => PARAMETER.test(value))) throw notFound('such address');
  if (one.bodyType && typeof request.body !== 'string') throw otherType(one.bodyType);
  const call: Call<unknown, unknown> = {
    params,
    query: one.query ? read(one.query, request.query, 'the query') : undefined,
    body: one.body ? read(one.body, request.body, bodyOf(request)) : undefined,
    // Routes that want no token do not look at it.
    caller: caller!,
    bearer,
    request,
    response,
    audit: (action, subject, data = {}) => audit(caller!, action, subject, data),
  };
  const result = await one.handle(call);
  if (response.headersSent || response.writableEnded) return;
  if (result === undefined) response.status(one.answer.status).end();
  else response.status(one.answer.status).json(result);
}

/** In words: what is not said to be JSON is not read. */
const bodyOf = (request: Request): string =>
  request.is('json') ? 'the body' : 'the body, which needs content-type: application/json';

const bearerOf = (request: Request): string =>
  /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? sessionOf(request);

/** @throws {EdgeRunnerError} `request-invalid` */
export function read<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  throw new EdgeRunnerError(
    'request-invalid',
    `${what}${path.length > 0 ? `, ${path.join('.')}` : ''}: ${message}`,
    'Correct that field; /openapi.json lists them all.',
  );
}

const otherType = (wanted: string) =>
  new EdgeRunnerError(
    'media-type',
    `This takes a body of ${wanted}, and nothing else.`,
    `Send it with "content-type: ${wanted}".`,
  );

export const notFound = (what: string) =>
  new EdgeRunnerError(
    'not-found',
    `There is no ${what} here.`,
    'Check the address; /openapi.json lists them all.',
  );

/** The last to hear of an error: a refusal is told as it is, a fault is logged and not shown. */
export function problems(log: Logger) {
  return (error: unknown, request: Request, response: Response, _next: NextFunction): void => {
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const refusal = asRefusal(error);
    if (!refusal) log.error({ err: error, method: request.method, path: request.path }, 'a request failed');
    const told = toProblem(refusal ?? SERVER_FAULT);
    // What it still sends nobody reads: the connection ends with the answer, and the client is told so.
    if (!request.complete) response.set('connection', 'close');
    if (told.status === 401) response.set('www-authenticate', 'Bearer');
    response.status(told.status).type(PROBLEM_TYPE).send(JSON.stringify(told));
  };
}

const SERVER_FAULT = new EdgeRunnerError(
  'server-fault',
  'The server could not do this.',
  'Try again; if it goes on, look into its log.',
);

/** What a file system, and what a database calls it. */
const FULL = new Set(['ENOSPC', 'EDQUOT', '53100']);

/** Our own refusals, and what Express and the body parser refuse before we see it. */
function asRefusal(error: unknown): EdgeRunnerError | null {
  if (error instanceof EdgeRunnerError) return error;
  const { status, type, code, limit } = error as {
    status?: number;
    type?: string;
    code?: string;
    limit?: number;
  };
  if (code !== undefined && FULL.has(code)) return full();
  if (type === 'entity.too.large')
    return new EdgeRunnerError(
      'body-too-large',
      'This is too large.',
      `Send at most ${(limit ?? MOST_JSON) >> 10} KiB.`,
    );
  if (status !== undefined && status >= 400 && status < 500)
    return new EdgeRunnerError(
      'request-invalid',
      'This request cannot be read.',
      'Check its address, its headers and that its body is JSON.',
    );
  return null;
}
