import { z } from 'zod';
import {
  bannerState,
  bannerView,
  EdgeRunnerError,
  iceServerList,
  keptBanner,
  MOST_BANNER,
  parseBanner,
  streamList,
  streamView,
} from '../../../protocol/index.ts';
import type { Services } from '../../services.ts';
import { bannerOf, deleteStream, listStreams, setBanner } from '../../store/streams.ts';
import { type Route, route } from '../route.ts';
import { notFound } from '../router.ts';
import { showStream } from '../views.ts';

/** Told as `parseBanner` tells it, and shown in the document as what it takes. */
const bannerBody = z.preprocess(parseBanner, bannerState);

/** Live streams, and what lies over their pictures. */
export function streamRoutes({ db, streams }: Services): Route[] {
  const notHere = (id: string | undefined) => notFound(`stream ${id}`);
  return [
    route({
      ...{ method: 'get', path: '/v1/streams', name: 'listStreams', access: 'view' },
      summary: 'Streams of the tenant, by name; those too that nobody publishes now.',
      answer: { status: 200, schema: streamList },
      handle: async ({ caller }) => ({ streams: (await listStreams(db, caller.tenant)).map(showStream) }),
    }),
    route({
      ...{ method: 'get', path: '/v1/streams/:stream', name: 'showStream', access: 'view' },
      summary: 'A stream: whether it is live, where it is watched, and by how many.',
      answer: { status: 200, schema: streamView },
      handle: async ({ caller, params }) => {
        const [row] = await listStreams(db, caller.tenant, params.stream!);
        if (!row) throw notHere(params.stream);
        return showStream(row);
      },
    }),
    route({
      ...{ method: 'delete', path: '/v1/streams/:stream', name: 'deleteStream', access: 'publish' },
      summary: 'Forget a stream and its banner. A tab that publishes it is sent away, and so is who watches.',
      answer: { status: 204 },
      handle: async ({ caller, params, audit }) => {
        if (!(await deleteStream(db, caller.tenant, params.stream!))) throw notHere(params.stream);
        await audit('stream.delete', params.stream!);
      },
    }),
    route({
      ...{ method: 'get', path: '/v1/streams/:stream/banner', name: 'showBanner', access: 'view' },
      summary: 'What lies over the picture of a stream.',
      answer: { status: 200, schema: bannerView },
      handle: async ({ caller, params, response }) => {
        const banner = await bannerOf(db, caller.tenant, params.stream!);
        if (!banner) throw notHere(params.stream);
        response.set('etag', `"${banner.revision}"`);
        return banner;
      },
    }),
    route({
      ...{ method: 'put', path: '/v1/streams/:stream/banner', name: 'setBanner', access: 'publish' },
      summary:
        'Lay something else over the picture: the tab shows it at once, or when it publishes again. With `If-Match` and the `ETag` of what was read, only if nobody has changed it since.',
      body: bannerBody,
      mostBody: MOST_BANNER,
      answer: { status: 200, schema: keptBanner },
      handle: async ({ caller, params, body, request, response }) => {
        const [tenant, id] = [caller.tenant, params.stream!];
        const revision = matched(request.headers['if-match']);
        const kept = await setBanner(db, { tenant, id, revision }, body);
        if (!kept) throw (await bannerOf(db, tenant, id)) ? bannerChanged() : notHere(id);
        response.set('etag', `"${kept.revision}"`);
        return kept;
      },
    }),
    route({
      ...{ method: 'get', path: '/v1/ice-servers', name: 'listIceServers', access: 'view' },
      summary: 'Servers for STUN and TURN that whoever runs this one configured; none unless they did.',
      answer: { status: 200, schema: iceServerList },
      handle: async () => ({ iceServers: [...streams.iceServers] }),
    }),
  ];
}

/** The revision that `If-Match` names; null for any. What is no revision is none that there ever was. */
function matched(header: string | undefined): number | null {
  if (header === undefined || header.trim() === '*') return null;
  return Number(/^\s*"(\d{1,9})"\s*$/.exec(header)?.[1] ?? -1);
}

const bannerChanged = () =>
  new EdgeRunnerError(
    'banner-changed',
    'Somebody else has changed this banner since.',
    'Read it again, make the same change to what is there now, and send that.',
  );
