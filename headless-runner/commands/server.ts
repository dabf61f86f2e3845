import { homedir } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { pino } from 'pino';
import pretty from 'pino-pretty';
import { cacheFolder, checkFolders, modelFolders } from '../../models/store/index.ts';
import { EdgeRunnerError } from '../../protocol/index.ts';
import {
  type RunningServer,
  SERVER_DEFAULTS,
  STRATEGY_NAMES,
  type StrategyName,
  startServer,
} from '../../server/index.ts';
import { untilInterrupted } from '../run/interrupt.ts';
import { readCount } from '../run/options.ts';
import { readIceFile } from './ice-servers.ts';

interface Options {
  host: string;
  port: number;
  data: string;
  cert?: string;
  key?: string;
  plainHttp: boolean;
  proxy: string[];
  clientCa?: string;
  name: string[];
  allowAddress: string[];
  iceServers?: string;
  keep?: number;
  mostUpload: number;
  strategy: StrategyName;
  models: string[];
  logLevel: string;
  newAdminToken: boolean;
}

const GIB = 1 << 30;

export function serverCommand(): Command {
  const several = (value: string, before: string[] = []) => [...before, value];
  return new Command('server')
    .description('the job server: gives jobs to the nodes that join it')
    .option('--host <address>', 'address to listen on; off loopback it speaks TLS', SERVER_DEFAULTS.host)
    .option(
      '--port <port>',
      'port to listen on; 0 for any that is free',
      readCount('--port', 0, 65_535),
      SERVER_DEFAULTS.port,
    )
    .option('--data <dir>', 'where jobs and files are kept', defaultFolder())
    .option('--cert <file>', 'PEM certificate to show, with its chain (default: one of its own)')
    .option('--key <file>', 'PEM key of that certificate')
    .option('--plain-http', 'no TLS off loopback: something in front of it speaks TLS', false)
    .option(
      '--proxy <address>',
      'a proxy in front, address or range, whose word on who asks is believed; may be given again',
      several,
      [],
    )
    .option('--client-ca <file>', 'PEM: headless nodes must show a certificate that this one signed')
    .option(
      '--name <name>',
      'a name that it is reached by, for its certificate; may be given again',
      several,
      [],
    )
    .option(
      '--allow-address <address>',
      'private address, range or host:port that sources may be read from; may be given again',
      several,
      [],
    )
    .option('--ice-servers <file>', 'JSON: servers for STUN and TURN that streams may use (default: none)')
    .option(
      '--keep <time>',
      'forget jobs so long after their end, such as 7d or 12h (default: never)',
      readKeep,
    )
    .option(
      '--most-upload <gib>',
      'largest upload, GiB',
      readCount('--most-upload', 1),
      SERVER_DEFAULTS.mostUploadBytes / GIB,
    )
    .addOption(
      new Option('--strategy <name>', 'which node is given a task')
        .choices(STRATEGY_NAMES)
        .default(SERVER_DEFAULTS.strategy),
    )
    .option('--models <dir>', 'look for models in this folder first; may be given again', several, [])
    .option('--new-admin-token', 'print another admin token: the last one was lost', false)
    .addOption(
      new Option('--log-level <level>', 'how much is logged')
        .choices(['debug', 'info', 'warn', 'error'])
        .default('info'),
    )
    .addHelpText(
      'after',
      '\nEnvironment: DATABASE_URL (PostgreSQL instead of a folder), S3_URL (files in S3: s3://KEY:SECRET@host/bucket).',
    )
    .action((options: Options) => serve(options));
}

async function serve(options: Options): Promise<void> {
  // The S3 client warns of Node versions that a later release of it will not run on; the lockfile holds this one.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
  const { host, port, data, cert, key, plainHttp, clientCa, keep, strategy } = options;
  if ((cert === undefined) !== (key === undefined))
    throw new EdgeRunnerError('option-invalid', '--cert and --key belong together.', 'Give both.');
  await checkFolders(options.models);
  const iceServers = options.iceServers === undefined ? [] : await readIceFile(options.iceServers);
  const log = pino(
    { level: options.logLevel, base: null },
    process.stderr.isTTY ? pretty({ colorize: true, ignore: 'pid,hostname' }) : process.stderr,
  );
  await untilInterrupted(async (signal) => {
    const server = await startServer(
      {
        ...SERVER_DEFAULTS,
        ...{ host, port, data, plainHttp, strategy, names: options.name },
        databaseUrl: process.env.DATABASE_URL || null,
        s3Url: process.env.S3_URL || null,
        certificate: cert === undefined ? null : { cert, key: key! },
        proxies: options.proxy,
        clientCa: clientCa ?? null,
        allowAddresses: options.allowAddress,
        keepSeconds: keep ?? null,
        modelFolders: modelFolders(options.models),
        modelCache: cacheFolder(),
        mostUploadBytes: options.mostUpload * GIB,
        newAdminToken: options.newAdminToken,
        iceServers,
      },
      log,
    );
    try {
      process.stdout.write(greeting(server));
      await new Promise<void>((stop) => {
        if (signal.aborted) stop();
        signal.addEventListener('abort', () => stop(), { once: true });
      });
      log.info('server goes down');
    } finally {
      await server.close();
    }
  });
}

/** What whoever starts it needs next. */
export function greeting({
  url,
  addresses,
  pin,
  adminToken,
  loginCode,
}: Omit<RunningServer, 'close'>): string {
  // "localhost" is somewhere else on every other machine.
  const there = addresses[0] ?? url;
  const trust = pin === null ? '' : ` --pin ${pin}`;
  return [
    `edge-runner server: ${url}`,
    `  dashboard        ${there}/dashboard/#login=${loginCode}`,
    '                   logs one browser in, once, within the hour',
    ...(there === url ? [] : [`                   (on this machine ${url} leads there too)`]),
    `  a tab joins at   ${there}/contribute#token=TOKEN`,
    `  a machine joins  edge-runner join ${there}${trust} --token-file FILE`,
    `  API              ${url}/api/`,
    ...(adminToken === null
      ? []
      : [
          `  admin token      ${adminToken}`,
          '                   shown this once; EDGE_RUNNER_TOKEN takes it',
          `  next             edge-runner token create ${url}${trust} --scope enrol --name nodes`,
        ]),
    '',
  ].join('\n');
}

const defaultFolder = (): string =>
  join(process.env.XDG_DATA_HOME || join(homedir(), '.local/share'), 'edge-runner');

const UNITS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** Seconds from `7d`. */
export function readKeep(text: string): number {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  const seconds = Number(count) * UNITS[unit as keyof typeof UNITS];
  if (!(seconds > 0))
    throw new EdgeRunnerError(
      'option-invalid',
      `--keep does not take "${text}".`,
      'Give a time such as 7d, 12h or 30m.',
    );
  return seconds;
}
