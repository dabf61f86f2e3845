import type { IncomingMessage } from 'node:http';
import express, { type Express, type Request, type RequestHandler } from 'express';
import helmet from 'helmet';
import { EdgeRunnerError } from '../protocol/index.ts';
import { Doorkeeper } from './api/access.ts';
import { crossOrigin, otherMethods } from './api/cross-origin.ts';
import { refusalLimit, requestLimit } from './api/request-limits.ts';
import type { Route } from './api/route.ts';
import { buildRouter, notFound, problems } from './api/router.ts';
import { administrationRoutes } from './api/routes/administration.ts';
import { dataPlaneRoutes } from './api/routes/data-plane.ts';
import { farmRoutes } from './api/routes/farm.ts';
import { jobRoutes } from './api/routes/jobs.ts';
import { relayRoutes } from './api/routes/relay.ts';
import { sessionRoutes } from './api/routes/session.ts';
import { streamRoutes } from './api/routes/streams.ts';
import { systemRoutes } from './api/routes/system.ts';
import { uploadRoutes } from './api/routes/uploads.ts';
import { installFiles } from './install.ts';
import type { RequestLimits } from './options.ts';
import { ortFolder, pagesFolder } from './pages.ts';
import { publicModels } from './public-models.ts';
import type { Services } from './services.ts';
import { recordAct } from './store/records.ts';

/** What people open. */
const PAGES = ['dashboard', 'contribute', 'api', 'overlay', 'banner', 'examples'];
/** Of these, and of what lies below, what plays or sends streams of other origins. */
const LIVE_PAGES = /^\/(overlay|banner|examples)(\/|$)/;
/** WHEP and WHIP: spoken from pages of other origins too. */
const RELAY = ['/v1/whep', '/v1/whip'];

/** The HTTP side of a server: pages, API, bytes. */
export function buildApp(
  services: Services,
  { secure, limits, proxies }: { secure: boolean; limits: RequestLimits; proxies: readonly string[] },
): Express {
  const { log, db, metrics, reach, models } = services;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  // Else all who come through a proxy would be one address, and be counted together.
  try {
    app.set('trust proxy', [...proxies]);
  } catch (error) {
    throw new EdgeRunnerError(
      'option-invalid',
      `--proxy: ${error instanceof Error ? error.message : error}.`,
      'Give an address, a range such as 10.0.0.0/8, or loopback.',
    );
  }
  app.use((request, response, next) => {
    const began = performance.now();
    response.on('finish', () => {
      const labels = { method: request.method, status: `${response.statusCode}` };
      metrics.requests.observe(labels, (performance.now() - began) / 1000);
    });
    next();
  });
  app.use(safeHeaders(services, secure));
  app.use('/ort/', express.static(ortFolder(), { immutable: true, maxAge: '1h' }));
  app.use('/assets/', express.static(`${pagesFolder()}/assets`, { immutable: true, maxAge: '1y' }));
  app.use('/models/', publicModels(models));
  for (const page of PAGES) app.use(`/${page}`, express.static(`${pagesFolder()}/${page}`));
  app.get('/', (_request, response) => response.redirect(302, '/dashboard/'));
  app.use(['/ca.pem', '/install.sh', '/edge-runner.tgz'], requestLimit(limits));
  app.use(installFiles(reach));
  app.use(RELAY, crossOrigin);
  app.use(['/v1', '/metrics', '/openapi.json'], refusalLimit(limits), requestLimit(limits));
  const door = new Doorkeeper(db);
  app.use(
    buildRouter(routesOf(services), {
      admit: (access, bearer) => door.admit(access, bearer),
      audit: ({ tenant, id, name }, action, subject, data) =>
        recordAct(db, { tenant, token: id, by: name, action, subject, data }),
    }),
  );
  app.use(RELAY, otherMethods);
  app.use((_request, _response, next) => next(notFound('such address')));
  app.use(problems(log));
  return app;
}

/** Who sends a request, also of one that is no business of the app's: by the word of its proxies, too. */
export const addressOf = (app: Express, request: IncomingMessage): string =>
  // What Express does to each of its own.
  (Object.setPrototypeOf(request, app.request) as Request).ip ?? '';

/** Every route there is: the router and the OpenAPI document are made of the same table. */
export function routesOf(services: Services): Route[] {
  const routes: Route[] = [];
  routes.push(
    ...systemRoutes(services, () => routes),
    ...sessionRoutes(services),
    ...jobRoutes(services),
    ...uploadRoutes(services),
    ...farmRoutes(services),
    ...administrationRoutes(services),
    ...dataPlaneRoutes(services),
    ...streamRoutes(services),
    ...relayRoutes(services),
  );
  return routes;
}

/**
 * The live pages may connect to streams of other origins, by WHEP, WHIP and HLS, and play them, and publish through other
 * servers; no other page may.
 */
function safeHeaders(services: Services, secure: boolean): RequestHandler {
  const strict = headersFor(services, secure);
  // A page on TLS could not reach the others anyway.
  const live = headersFor(
    services,
    secure,
    secure ? ['https:'] : ['https:', 'http:'],
    secure ? ['wss:'] : ['wss:', 'ws:'],
  );
  return (request, response, next) =>
    (LIVE_PAGES.test(request.path) ? live : strict)(request, response, next);
}

/**
 * Isolated, so that pages have threads and precise timers. wasm, workers (ORT's from blobs) and what hls.js plays (from
 * blobs too) are let through by name; no page of another origin may frame, open or read us.
 * @param others origins that a page may fetch from and play.
 * @param sockets that it may open, besides those of this server.
 */
function headersFor(
  { blobs }: Services,
  secure: boolean,
  others: readonly string[] = [],
  sockets: readonly string[] = [],
) {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        'default-src': ["'self'"],
        'script-src': ["'self'", "'wasm-unsafe-eval'", 'blob:'],
        'worker-src': ["'self'", 'blob:'],
        'connect-src': [
          "'self'",
          'blob:',
          'data:',
          ...(blobs.origin ? [blobs.origin] : []),
          ...others,
          ...sockets,
        ],
        'img-src': ["'self'", 'blob:', 'data:'],
        'media-src': ["'self'", 'blob:', ...others],
        'style-src': ["'self'", "'unsafe-inline'"],
        'object-src': ["'none'"],
        'base-uri': ["'none'"],
        'form-action': ["'self'"],
        'frame-ancestors': ["'none'"],
      },
    },
    crossOriginOpenerPolicy: { policy: 'same-origin' },
    crossOriginEmbedderPolicy: { policy: 'require-corp' },
    crossOriginResourcePolicy: { policy: 'same-origin' },
    strictTransportSecurity: secure ? { maxAge: 30 * 86_400, includeSubDomains: false } : false,
    referrerPolicy: { policy: 'no-referrer' },
  });
}
