import type { Request, Response } from 'express';
import { SESSION_SECONDS } from '../store/logins.ts';

/**
 * The prefix holds browsers to: secure, this host only, all paths. Off TLS they would not take it. Cookies know no
 * ports: with theirs in the name two servers of one host do not log each other's browsers out.
 */
const nameOf = ({ secure, socket }: Request): string =>
  `${secure ? '__Host-' : ''}edge-runner-${socket.localPort}`;

/**
 * Whether a browser that asks like this could stay logged in: on a page that is not secure it does not say where its
 * requests come from, and none of them would be trusted.
 */
export const mayStay = (request: Request): boolean => request.get('sec-fetch-site') !== undefined;

/**
 * The session of a browser that is logged in. Pages of other origins cannot use it: the cookie is of the same site
 * only, and of what it changes only this origin's own pages may ask.
 * @returns empty where there is none.
 */
export function sessionOf(request: Request): string {
  const site = request.get('sec-fetch-site');
  const reads = request.method === 'GET' || request.method === 'HEAD';
  // Browsers have said for years where a request comes from; what does not say it is none, and has a token.
  if (site !== 'same-origin' && !(reads && site === 'none')) return '';
  const wanted = `${nameOf(request)}=`;
  const found = (request.get('cookie') ?? '').split(/;\s*/).find((one) => one.startsWith(wanted));
  return found?.slice(wanted.length) ?? '';
}

export function setSession(request: Request, response: Response, session: string): void {
  response.cookie(nameOf(request), session, {
    httpOnly: true,
    secure: request.secure,
    sameSite: 'strict',
    path: '/',
    maxAge: SESSION_SECONDS * 1000,
  });
}

export function clearSession(request: Request, response: Response): void {
  response.clearCookie(nameOf(request), {
    httpOnly: true,
    secure: request.secure,
    sameSite: 'strict',
    path: '/',
  });
}
