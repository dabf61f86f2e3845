import { z } from 'zod';
import { EdgeRunnerError, newLogin, newSession, sessionView } from '../../../protocol/index.ts';
import type { Services } from '../../services.ts';
import { createLogin, sessionOfToken, useLogin } from '../../store/logins.ts';
import { recordAct } from '../../store/records.ts';
import { findToken, revokeToken } from '../../store/tenants.ts';
import { Doorkeeper } from '../access.ts';
import { type Caller, type Route, route } from '../route.ts';
import { clearSession, mayStay, sessionOf, setSession } from '../session-cookie.ts';

/** Browsers that are logged in: a cookie that no script can read stands for their token. */
export function sessionRoutes({ db }: Services): Route[] {
  const door = new Doorkeeper(db);
  return [
    route({
      ...{ method: 'post', path: '/v1/session', name: 'logIn', access: 'login' },
      summary: 'Log this browser in, with the code of a link, which is good once, or with a token.',
      body: newSession,
      answer: { status: 200, schema: sessionView },
      handle: async ({ body, request, response }) => {
        if (!mayStay(request))
          throw new EdgeRunnerError(
            'request-invalid',
            'This browser cannot stay logged in: the page is not on a secure connection.',
            'Open the server by https, or on its own machine by http://localhost. The link is still good.',
          );
        const name = `browser: ${browserOf(request.get('user-agent') ?? '')}`;
        const made = 'code' in body ? await useLogin(db, body.code, name) : await exchange(body.token, name);
        if (!made)
          throw new EdgeRunnerError(
            'token-unknown',
            'This link has logged a browser in already, or is too old.',
            'Paste a token, or start the server again: it shows a new link each time.',
          );
        setSession(request, response, made.secret);
        const caller = (await findToken(db, made.secret))!;
        const { tenant, id: token } = caller;
        await recordAct(db, { tenant, token, by: name, action: 'session.create', subject: token, data: {} });
        return show(caller);
      },
    }),
    route({
      ...{ method: 'get', path: '/v1/session', name: 'showSession', access: 'read' },
      summary: 'Who asks.',
      answer: { status: 200, schema: sessionView },
      handle: async ({ caller }) => show(caller),
    }),
    route({
      ...{ method: 'delete', path: '/v1/session', name: 'logOut', access: 'read' },
      summary: 'Log this browser out. A token that was sent as such stays as it is.',
      answer: { status: 204 },
      handle: async ({ caller, request, response }) => {
        // Who sends a token is logged in by that, whatever cookie comes along.
        if (request.get('authorization') !== undefined || sessionOf(request) === '') return;
        clearSession(request, response);
        await revokeToken(db, caller.tenant, caller.id);
      },
    }),
    route({
      ...{ method: 'post', path: '/v1/logins', name: 'createLogin', access: 'admin' },
      summary: 'Make a code that logs one browser in, once, within the hour.',
      body: newLogin,
      answer: { status: 201, schema: z.object({ code: z.string() }) },
      handle: async ({ caller, body: { scope }, audit }) => {
        await audit('login.create', caller.id, { scope });
        return { code: await createLogin(db, caller.tenant, scope) };
      },
    }),
  ];

  async function exchange(token: string, name: string) {
    const caller = (await door.admit('read', token))!;
    return sessionOfToken(db, caller, name);
  }
}

const show = ({ id, name, scope, operator }: Caller) => ({ id, name, scope, operator });

/** As people would tell it from others. */
function browserOf(userAgent: string): string {
  const system = /Mac OS X|Windows|Android|CrOS|iPhone|iPad|Linux/.exec(userAgent)?.[0] ?? 'some system';
  const browser = /Edg|OPR|Firefox|Chrome|Safari/.exec(userAgent)?.[0] ?? 'unknown';
  return `${browser} on ${system}`;
}
