import { z } from 'zod';
import {
  bannerState,
  bannerView,
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
      handle: async ({ caller, params }) => {
        const banner = await bannerOf(db, caller.tenant, params.stream!);
        if (!banner) throw notHere(params.stream);
        return banner;
      },
    }),
    route({
      ...{ method: 'put', path: '/v1/streams/:stream/banner', name: 'setBanner', access: 'publish' },
      summary: 'Lay something else over the picture: the tab shows it at once, or when it publishes again.',
      body: bannerBody,
      mostBody: MOST_BANNER,
      answer: { status: 200, schema: keptBanner },
      handle: async ({ caller, params, body }) => {
        const kept = await setBanner(db, { tenant: caller.tenant, id: params.stream! }, body);
        if (!kept) throw notHere(params.stream);
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
