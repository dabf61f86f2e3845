import { randomBytes } from 'node:crypto';
import { createServer as createHttp, type IncomingMessage, type Server } from 'node:http';
import { createServer as createHttps, type Server as HttpsServer } from 'node:https';
import { type AddressInfo, isIPv6 } from 'node:net';
import { join, resolve } from 'node:path';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Logger } from 'pino';
import { WebSocketServer } from 'ws';
import { makeFolder } from '../models/store/index.ts';
import { EdgeRunnerError, MOST_MESSAGE_BYTES, NODE_SUBPROTOCOL, TRACKS } from '../protocol/index.ts';
import { SocketRefusals } from './api/request-limits.ts';
import type { SignedSource } from './api/routes/data-plane.ts';
import { addressOf, buildApp } from './app.ts';
import { openBlobStore } from './blobs/open.ts';
import { DiskRoom } from './disk-room.ts';
import { History } from './farm/history.ts';
import { FarmWatch } from './farm/watch.ts';
import type { HeldAttempt } from './grid/fleet.ts';
import { Grid } from './grid/grid.ts';
import { Hub } from './grid/hub.ts';
import { NodeSocket } from './grid/node-socket.ts';
import { attemptKey, partsOf, workOf } from './grid/work.ts';
import { readIceServers } from './ice-servers.ts';
import { Metrics } from './metrics.ts';
import { ModelShelf } from './models.ts';
import { AddressGuard } from './net/address-guard.ts';
import { CertificateRenewal } from './net/certificate-renewal.ts';
import { type Listening, listenOptions } from './net/listen-options.ts';
import { Signer } from './net/signer.ts';
import type { ServerOptions } from './options.ts';
import { Reach } from './reach.ts';
import { Retention } from './retention.ts';
import type { Services } from './services.ts';
import { SourceCopies } from './source-copies.ts';
import { SourceReader } from './sources.ts';
import { Stitcher } from './stitch/stitcher.ts';
import { census } from './store/census.ts';
import type { Database } from './store/database.ts';
import type { TaskKind } from './store/jobs.ts';
import { createLogin } from './store/logins.ts';
import { migrate } from './store/migrate.ts';
import { PgliteDatabase } from './store/pglite.ts';
import { PostgresDatabase } from './store/postgres.ts';
import { settingOnce } from './store/records.ts';
import { adminTokenIfNone, operatorTenant } from './store/tenants.ts';
import { PublisherSocket } from './streams/publisher-socket.ts';
import { Streams } from './streams/streams.ts';
import { Uploads } from './uploads.ts';

export type { ServerOptions } from './options.ts';

/** A job server that listens. */
export interface RunningServer {
  /** On this machine. */
  url: string;
  /** By which others reach it, the likeliest first. */
  addresses: readonly string[];
  /** Fingerprint of the CA that its certificate is of, where it made its own. */
  pin: string | null;
  /** Of whoever runs it; given where the database has none that is good, or another one was asked for. */
  adminToken: string | null;
  /** Logs one browser in, once, within the hour. */
  loginCode: string;
  /** Lets nodes and clients know, and ends. Nothing of it is left running. */
  close(): Promise<void>;
}

/** Put in by the build. */
declare const __VERSION__: string;

/**
 * Starts a job server.
 * @throws {EdgeRunnerError} `data-locked`, `data-unusable`, `port-taken`, `option-invalid`
 */
export async function startServer(options: ServerOptions, log: Logger): Promise<RunningServer> {
  const data = resolve(options.data);
  await makeFolder(data, 0o700).catch((error: NodeJS.ErrnoException) => {
    throw new EdgeRunnerError(
      'data-unusable',
      `The folder ${data} cannot be made (${error.code}).`,
      'Give one that this user may write to with --data.',
      { cause: error },
    );
  });
  const listening = await listenOptions(options, data);
  const db = await openDatabase(options, data);
  const closing: (() => Promise<void>)[] = [() => db.close()];
  const closeAll = async () => {
    for (const close of closing.reverse()) await close().catch((error: unknown) => log.error({ err: error }));
  };
  try {
    await migrate(db);
    const tenant = await operatorTenant(db);
    const room = await DiskRoom.open(data, log);
    closing.push(() => room.stop());
    const history = new History(db, log);
    const reach = new Reach(listening, options.host, options.names);
    const services = await buildServices(options, data, { db, room, history, reach }, log);
    const { grid, blobs } = services;
    closing.push(() => blobs.close());
    // After the last request that could begin one.
    closing.push(() => services.sources.stop());
    closing.push(() => services.streams.idle());
    await services.streams.start();
    const http = await listen(options, data, listening, services);
    closing.push(() => http.close());
    closing.push(() => services.streams.leave());
    await grid.start();
    closing.push(() => grid.stop());
    services.stitcher.start();
    closing.push(() => services.stitcher.stop());
    const retention = new Retention({ ...services, keepSeconds: options.keepSeconds });
    retention.start();
    closing.push(() => retention.stop());
    history.start();
    closing.push(() => history.stop());
    // Last: one that nobody is shown would open nothing for anybody.
    const adminToken = await adminTokenIfNone(db, tenant.id, { another: options.newAdminToken });
    const loginCode = await createLogin(db, tenant.id, 'admin');
    log.info({ database: db.name, blobs: blobs.name, url: http.url }, 'server ready');
    return {
      url: http.url,
      addresses: reach.addresses,
      pin: listening.pin,
      adminToken,
      loginCode,
      close: closeAll,
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function openDatabase({ databaseUrl }: ServerOptions, data: string): Promise<Database> {
  if (databaseUrl === null) return PgliteDatabase.open(data);
  try {
    return await PostgresDatabase.open(databaseUrl);
  } catch (error) {
    throw new EdgeRunnerError(
      'data-unusable',
      `The database of DATABASE_URL cannot be used: ${error instanceof Error ? error.message : error}.`,
      'Check that it runs, that it is postgres://user:password@host:port/name, and that the user may create tables.',
      { cause: error },
    );
  }
}

async function buildServices(
  options: ServerOptions,
  data: string,
  { db, room, history, reach }: { db: Database; room: DiskRoom; history: History; reach: Reach },
  log: Logger,
): Promise<Services> {
  const blobs = await openBlobStore({ folder: join(data, 'blobs'), s3Url: options.s3Url });
  const signer = new Signer(await settingOnce(db, 'signing-secret', () => randomBytes(32).toString('hex')));
  const hub = new Hub();
  const { intervals, strategy } = options;
  const sourcesOf = ({ attempt, lease, source, kind }: Omit<SignedSource, 'tracks'> & { kind: TaskKind }) => {
    const sign = (signed: SignedSource) =>
      `/v1/sources/${signer.sign('source', signed, 4 * intervals.ttlMs)}`;
    // Fresh ones come with each renewal.
    return {
      [source]: sign({ attempt, lease, source }),
      ...(kind === 'render' && { [TRACKS]: sign({ attempt, lease, source, tracks: true }) }),
    };
  };
  const grid: Grid = new Grid({
    ...{ db, log, intervals, strategy },
    workOf: (attempt) => workOf(attempt, sourcesOf(attempt)),
    onOffer: () => metrics.offers.inc(),
    completeFile: async ({ job, attempt }, file) => {
      const key = attemptKey(job, attempt, file.output, file.name);
      await blobs.complete(key, partsOf(file));
      return key;
    },
    sourcesOf: (held: HeldAttempt) => sourcesOf(held),
    discard: ({ job, attempt, state }) => {
      metrics.attempts.inc({ end: state });
      return blobs.remove(`jobs/${job}/${attempt}`);
    },
    onQueue: () => stitcher.wake(),
    onJobs: (jobs) => hub.wake(jobs),
    onStream: (notice) => streams.hear(notice),
    onLook: () => streams.look(),
  });
  const streams = new Streams({ db, log, intervals, iceServers: readIceServers(options.iceServers) });
  const guard = new AddressGuard(options.allowAddresses);
  const sources = new SourceReader(
    db,
    blobs,
    guard,
    new SourceCopies(db, blobs, join(data, 'copies'), room, options.mostUploadBytes),
  );
  const stitcher = new Stitcher({ db, blobs, guard, sources, grid, intervals, log });
  const metrics = new Metrics(
    () => grid.fleet.size,
    async () => ({ ...(await census(db)), diskFree: await room.free() }),
  );
  return {
    ...{ build: __VERSION__, log, db, blobs, grid, hub, signer, intervals, metrics, room, reach },
    models: new ModelShelf({ folders: options.modelFolders, cacheDir: options.modelCache }),
    ...{ stitcher, sources, streams },
    farm: new FarmWatch({ db, grid, room, history }),
    uploads: new Uploads(db, blobs, join(data, 'uploads'), options.mostUploadBytes),
  };
}

async function listen(
  options: ServerOptions,
  data: string,
  { tls, requireClient }: Listening,
  services: Services,
): Promise<{ url: string; close(): Promise<void> }> {
  const app = buildApp(services, { secure: tls !== null, limits: options.limits, proxies: options.proxies });
  const refusals = new SocketRefusals(options.limits);
  const http: Server = tls ? createHttps(tls, app) : createHttp(app);
  // An upload may take hours; a connection on which nothing moves may not.
  http.requestTimeout = 0;
  http.setTimeout(120_000);
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MOST_MESSAGE_BYTES,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(NODE_SUBPROTOCOL) ? NODE_SUBPROTOCOL : false),
  });
  http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => {});
    const { url } = request;
    if ((url !== '/v1/node' && url !== '/v1/streams/socket') || !offers(request)) {
      socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const admit = refusals.of(addressOf(app, request));
      if (url === '/v1/streams/socket') {
        new PublisherSocket(webSocket, { ...services, admit });
        return;
      }
      const certified = !requireClient || hasCertificate(request.socket as TLSSocket);
      new NodeSocket(webSocket, { ...services, admit, mayBeHeadless: certified });
    });
  });
  await new Promise<void>((done, fail) => {
    http.once('error', (error: NodeJS.ErrnoException) => fail(refusalToListen(error, options)));
    http.listen(options.port, options.host, done);
  });
  services.reach.port = (http.address() as AddressInfo).port;
  const renewal =
    tls &&
    new CertificateRenewal({
      ...{ server: http as HttpsServer, shown: tls, log: services.log },
      look: async () => (await listenOptions(options, data)).tls!,
    });
  renewal?.start();
  return {
    url: urlOf(http.address() as AddressInfo, tls !== null),
    close: async () => {
      await renewal?.stop();
      const closed = new Promise<void>((done) => http.close(() => done()));
      for (const socket of sockets.clients) socket.terminate();
      http.closeAllConnections();
      await closed;
    },
  };
}

/** Shown on this very connection, and signed by whom we trust. */
const hasCertificate = (socket: TLSSocket): boolean =>
  socket.authorized && !socket.isSessionReused() && socket.getPeerCertificate().raw !== undefined;

const offers = ({ headers }: IncomingMessage): boolean =>
  (headers['sec-websocket-protocol'] ?? '').split(/\s*,\s*/).includes(NODE_SUBPROTOCOL);

function urlOf({ address, port }: AddressInfo, secure: boolean): string {
  const host = ['0.0.0.0', '::'].includes(address) ? 'localhost' : isIPv6(address) ? `[${address}]` : address;
  return `${secure ? 'https' : 'http'}://${host}:${port}`;
}

function refusalToListen(error: NodeJS.ErrnoException, { host, port }: ServerOptions): EdgeRunnerError {
  const taken = error.code === 'EADDRINUSE';
  return new EdgeRunnerError(
    'port-taken',
    taken ? `Port ${port} is taken.` : `The server cannot listen on ${host}:${port}: ${error.message}.`,
    taken ? 'Give another with --port; 0 takes any that is free.' : 'Give another --host or --port.',
    { cause: error },
  );
}
