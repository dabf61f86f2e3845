import type { Response } from 'express';
import { z } from 'zod';
import {
  type Direction,
  EdgeRunnerError,
  type IceServer,
  isSdp,
  MOST_SDP,
  SDP_TYPE,
} from '../../../protocol/index.ts';
import type { Services } from '../../services.ts';
import { endViewer, findViewer } from '../../store/viewers.ts';
import { Doorkeeper, opens } from '../access.ts';
import { type Route, route } from '../route.ts';
import { notFound } from '../router.ts';

/** Seconds after which it is worth another try. */
const RETRY_AFTER: Record<string, number> = { 'stream-idle': 5, 'stream-full': 10 };

/**
 * WHEP (draft-ietf-wish-whep) and WHIP (RFC 9725), for what tabs send and what they receive: an offer goes to the tab
 * and its answer comes back. Media takes its own way, and candidates that come later (trickle ICE) are not passed on.
 */
export function relayRoutes(services: Services): Route[] {
  return [
    ...relay(services, { word: 'whep', direction: 'out', access: 'view', does: 'Watch a stream' }),
    ...relay(services, { word: 'whip', direction: 'in', access: 'publish', does: 'Send to a stream' }),
  ];
}

interface Relay {
  word: 'whep' | 'whip';
  direction: Direction;
  access: 'view' | 'publish';
  does: string;
}

function relay({ db, streams }: Services, { word, direction, access, does }: Relay): Route[] {
  const path = `/v1/${word}/:stream`;
  const door = new Doorkeeper(db);
  const links = streams.iceServers.flatMap(linksOf);
  const name = (verb: string) => `${verb}${word === 'whep' ? 'Whep' : 'Whip'}`;
  const asked = (of: string, verb: string): Route =>
    route({
      ...{ method: 'options', path: of, name: name(verb), access: 'public' },
      summary: `Which requests a page of another origin may send here; with a token of scope \`${access}\`, the ICE servers too (\`Link\`).`,
      answer: { status: 200 },
      handle: async ({ bearer, response }) => {
        response.set('accept-post', SDP_TYPE);
        // What a browser asks before its page's own request brings none.
        if (bearer === '') return;
        await door.admit(access, bearer);
        tellIceServers(response);
      },
    });
  const tellIceServers = (response: Response) => {
    response.setHeader('cache-control', 'no-store');
    if (links.length > 0) response.setHeader('link', links);
  };
  return [
    asked(path, 'preflight'),
    route({
      ...{ method: 'post', path, name: name('begin'), access },
      summary: `${does}: an offer in, its answer out. \`Location\` is what DELETE ends.`,
      body: z.string(),
      bodyType: SDP_TYPE,
      mostBody: MOST_SDP,
      answer: { status: 201, type: SDP_TYPE },
      handle: async ({ caller, params, body, response }) => {
        if (!isSdp(body)) throw noSdp();
        const gone = new AbortController();
        response.on('close', () => gone.abort());
        const asking = { tenant: caller.tenant, token: caller.id, stream: params.stream!, direction };
        const { viewer, answer } = await streams
          .ask({ ...asking, offer: body }, gone.signal)
          .catch((error: unknown) => {
            throw withRetry(error, response);
          });
        // By Node's own means: Express would add a charset, which this type has none of.
        response.statusCode = 201;
        response.setHeader('content-type', SDP_TYPE);
        response.setHeader('location', `/v1/${word}/${params.stream}/${viewer}`);
        tellIceServers(response);
        response.end(answer);
      },
    }),
    asked(`${path}/:viewer`, 'preflightSessionOf'),
    route({
      ...{ method: 'delete', path: `${path}/:viewer`, name: name('end'), access },
      summary: 'End it. With the token that began it, or one that may publish.',
      answer: { status: 200 },
      handle: async ({ caller, params }) => {
        const { stream, viewer: id } = params as { stream: string; viewer: string };
        const row = await findViewer(db, { tenant: caller.tenant, stream, id });
        if (!row) throw notFound(`session ${id}`);
        if (row.token !== caller.id && !opens(caller.scope, 'publish'))
          throw new EdgeRunnerError(
            'scope-missing',
            'This was begun with another token.',
            'Use that one, or one of scope "publish".',
          );
        if (!(await endViewer(db, id))) throw notFound(`session ${id}`);
      },
    }),
    route({
      ...{ method: 'patch', path: `${path}/:viewer`, name: name('trickle'), access },
      summary: 'Refused: candidates that come later are not passed on, and ICE is not begun anew.',
      answer: { status: 501 },
      handle: async ({ caller, params }) => {
        const { stream, viewer: id } = params as { stream: string; viewer: string };
        if (!(await findViewer(db, { tenant: caller.tenant, stream, id }))) throw notFound(`session ${id}`);
        throw new EdgeRunnerError(
          'trickle-refused',
          'This server passes no candidates on after the offer (trickle ICE), and no restarts.',
          'Gather all candidates before the offer is sent; to begin anew, send a new offer.',
        );
      },
    }),
  ];
}

const noSdp = () =>
  new EdgeRunnerError(
    'sdp-invalid',
    'This is no session description.',
    'Send what RTCPeerConnection.localDescription.sdp holds, from "v=0" to its last line.',
  );

/** The same error; the answer says when to come again. */
function withRetry(error: unknown, response: Response): unknown {
  const seconds = error instanceof EdgeRunnerError ? RETRY_AFTER[error.code] : undefined;
  if (seconds !== undefined) response.set('retry-after', `${seconds}`);
  return error;
}

/** RFC 9725, 4.6: one link for each address. */
const linksOf = ({ urls, username, credential }: IceServer): string[] =>
  urls.map((url) =>
    [
      `<${url}>; rel="ice-server"`,
      ...(username === undefined ? [] : [`username=${quoted(username)}`]),
      ...(credential === undefined ? [] : [`credential=${quoted(credential)}`, 'credential-type="password"']),
    ].join('; '),
  );

const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;
