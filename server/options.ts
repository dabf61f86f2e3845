import type { IceServer } from '../protocol/index.ts';
import { INTERVALS, type Intervals } from './grid/intervals.ts';
import type { StrategyName } from './grid/strategies.ts';

/** Requests a minute of one address. */
export interface RequestLimits {
  /** Of any kind but bytes. */
  requests: number;
  /** Refused for who sent them. */
  refusals: number;
}

/** How a server is run. */
export interface ServerOptions {
  host: string;
  /** 0 for any that is free. */
  port: number;
  /** Folder of the database, of blobs and of uploads under way. */
  data: string;
  /** PostgreSQL; null for PGlite in the data folder. */
  databaseUrl: string | null;
  /** See `openBlobStore`; null for the data folder. */
  s3Url: string | null;
  /** The operator's own certificate; null for one made here. */
  certificate: { cert: string; key: string } | null;
  /** Speak plain HTTP off loopback too: something in front speaks TLS. */
  plainHttp: boolean;
  /** Proxies in front, whose word on who asks is believed: addresses, ranges, `loopback`. */
  proxies: readonly string[];
  /** PEM file: headless nodes must show a certificate that one of these signed. */
  clientCa: string | null;
  /** Private addresses that sources may be read from; see `AddressGuard`. */
  allowAddresses: readonly string[];
  /** Seconds that jobs are kept after their end; null for ever. */
  keepSeconds: number | null;
  strategy: StrategyName;
  intervals: Intervals;
  /** Folders that models are looked for in first. */
  modelFolders: readonly string[];
  modelCache: string;
  limits: RequestLimits;
  /** Of one upload. */
  mostUploadBytes: number;
  /** Make a token for whoever runs it though there is one: it was lost. */
  newAdminToken: boolean;
  /** Names that the server is reached by, besides its own; for its certificate. */
  names: readonly string[];
  /** For STUN and TURN, told to tabs that publish and to viewers. None: only addresses of their own networks are tried. */
  iceServers: readonly IceServer[];
}

/** What a server does that is told no more than where to keep its data and its models. */
export const SERVER_DEFAULTS: Omit<ServerOptions, 'data' | 'modelCache'> = {
  host: '127.0.0.1',
  port: 7300,
  databaseUrl: null,
  s3Url: null,
  certificate: null,
  plainHttp: false,
  proxies: [],
  clientCa: null,
  allowAddresses: [],
  keepSeconds: null,
  strategy: 'fastest',
  intervals: INTERVALS,
  modelFolders: [],
  limits: { requests: 12_000, refusals: 100 },
  mostUploadBytes: 64 * 2 ** 30,
  newAdminToken: false,
  names: [],
  iceServers: [],
};
