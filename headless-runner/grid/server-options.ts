import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { EdgeRunnerError } from '../../protocol/index.ts';
import type { ServerAddress } from './client.ts';

/** Options of every command that talks to a server. */
export interface ReachOptions {
  token?: string;
  tokenFile?: string;
  pin?: string;
  cert?: string;
  key?: string;
}

export const addReachOptions = (command: Command): Command =>
  command
    .option('--token-file <file>', 'read the token from this file (default: EDGE_RUNNER_TOKEN)')
    .option('--token <token>', 'the token itself; everybody on this machine can see it there')
    .option(
      '--pin <fingerprint>',
      "sha256:… of the server's own certificate authority, as the server prints it",
    )
    .option('--cert <file>', 'PEM certificate to show to the server')
    .option('--key <file>', 'PEM key of that certificate');

/** @throws {EdgeRunnerError} `option-invalid` */
export function readReach(server: string, { token, tokenFile, pin, cert, key }: ReachOptions): ServerAddress {
  if ((cert === undefined) !== (key === undefined))
    throw new EdgeRunnerError('option-invalid', '--cert and --key belong together.', 'Give both.');
  return {
    url: readServerUrl(server),
    token: tokenOf(token, tokenFile),
    pin: pin ?? null,
    cert: cert === undefined ? null : readText('--cert', cert),
    key: key === undefined ? null : readText('--key', key),
  };
}

function tokenOf(token: string | undefined, file: string | undefined): string | null {
  if (token !== undefined) {
    process.stderr.write(
      'edge-runner: a token on the command line is seen by everybody on this machine; --token-file and EDGE_RUNNER_TOKEN are not.\n',
    );
    return token;
  }
  if (file !== undefined) return readText('--token-file', file).trim();
  return process.env.EDGE_RUNNER_TOKEN?.trim() || null;
}

function readServerUrl(text: string): URL {
  if (/^https?:\/\//i.test(text) && URL.canParse(text)) {
    const url = new URL(text);
    // A contribute link has its token there; that is not where it is read from here.
    url.hash = '';
    url.search = '';
    url.pathname = '/';
    return url;
  }
  throw new EdgeRunnerError(
    'option-invalid',
    `"${text}" is no address of a server.`,
    'Give it as the server printed it: https://host:port',
  );
}

function readText(option: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new EdgeRunnerError(
      'option-invalid',
      `${option} ${path} cannot be read: ${(error as NodeJS.ErrnoException).code}.`,
      'Check the path.',
    );
  }
}
