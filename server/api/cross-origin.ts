import type { NextFunction, Request, Response } from 'express';
import { EdgeRunnerError } from '../../protocol/index.ts';

/** Seconds that a browser may remember what it was allowed. */
const MAX_AGE = 86_400;

/**
 * WHEP and WHIP are spoken by players and senders of any origin, so browsers are told to let them. That gives nothing
 * away: such a request needs a token, which only its own page can send along. The cookie of a browser that is logged in
 * does not count: it is of requests of this very origin, and `*` forbids browsers to send it from others. People type
 * these addresses into encoders: a slash at the end is none the worse.
 */
export function crossOrigin(request: Request, response: Response, next: NextFunction): void {
  response.set({
    'access-control-allow-origin': '*',
    'access-control-expose-headers': 'Location, Link, Retry-After',
  });
  if (request.method === 'OPTIONS')
    response.set({
      'access-control-allow-methods': 'OPTIONS, POST, PATCH, DELETE',
      'access-control-allow-headers': 'Authorization, Content-Type, If-Match',
      'access-control-max-age': `${MAX_AGE}`,
    });
  request.url = request.url.replace(/(?<=[^/])\/+(?=$|\?)/, '');
  next();
}

/** The addresses are kept for what later versions of WHEP and WHIP may do there (RFC 9725, 4.2). */
export function otherMethods(request: Request, response: Response, next: NextFunction): void {
  const { length } = request.path.split('/').filter(Boolean);
  if (length < 1 || length > 2) {
    next(noStream(request.baseUrl));
    return;
  }
  const allowed = length === 2 ? 'OPTIONS, PATCH, DELETE' : 'OPTIONS, POST';
  response.set('allow', allowed);
  next(
    new EdgeRunnerError(
      'method-refused',
      `Nothing is done here with ${request.method}.`,
      `Use one of ${allowed}.`,
    ),
  );
}

const noStream = (base: string) =>
  new EdgeRunnerError(
    'not-found',
    'This address names no stream.',
    `It has the form ${base}/STREAM, with the id of one; ${base}/STREAM/SESSION is what an answer names.`,
  );
