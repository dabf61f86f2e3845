import { Command, Option } from 'commander';
import {
  EdgeRunnerError,
  nodeLabel,
  nodeLabels,
  SCOPES,
  type Scope,
  TRUSTS,
  type Trust,
} from '../../protocol/index.ts';
import { GridClient } from '../grid/client.ts';
import { addReachOptions, type ReachOptions, readReach } from '../grid/server-options.ts';
import { untilInterrupted } from '../run/interrupt.ts';
import { readKeep } from './server.ts';

interface CreateOptions extends ReachOptions {
  scope: Scope;
  name: string;
  expires?: number;
  labels: string[];
  region?: string;
  trust: Trust;
  json: boolean;
}

interface ShownToken {
  id: string;
  name: string;
  scope: Scope;
  trust: Trust;
  expiresAt: string | null;
  revokedAt: string | null;
  lastUsedAt: string | null;
}

/** What opens a server, and for whom: made, listed, revoked. */
export function tokenCommand(): Command {
  const command = new Command('token').description('tokens of a server; wants one of scope admin');
  addReachOptions(
    command
      .command('create')
      .description('make a token; it is shown this once')
      .argument('<server>', 'address of the server')
      .requiredOption('--name <name>', 'what it is called')
      .addOption(
        new Option(
          '--scope <scope>',
          'what it may: everything, submit jobs, look, bring nodes, publish streams, or watch them',
        )
          .choices(SCOPES)
          .makeOptionMandatory(),
      )
      .option('--expires <time>', 'good for so long, such as 7d (default: for ever)', readKeep)
      .option('--labels <labels>', 'of nodes that join with it, with commas between', readLabels, [])
      .option('--region <region>', 'of nodes that join with it', readRegion)
      .addOption(
        new Option('--trust <trust>', 'of nodes that join with it').choices(TRUSTS).default('untrusted'),
      )
      .option('--json', 'as JSON', false),
  ).action(create);
  addReachOptions(
    command
      .command('list')
      .description('tokens there are, without what opens anything')
      .argument('<server>', 'address of the server')
      .option('--json', 'as JSON', false),
  ).action(list);
  addReachOptions(
    command
      .command('revoke')
      .description('let a token open nothing any more')
      .argument('<server>', 'address of the server')
      .argument('<id>', 'of the token, as "list" shows it'),
  ).action(revoke);
  return command;
}

function create(server: string, options: CreateOptions): Promise<void> {
  const { name, scope, expires: expiresIn, labels, region, trust, json } = options;
  return withClient(server, options, async (client) => {
    const made = await client.send<ShownToken & { token: string }>('POST', '/v1/tokens', {
      ...{ name, scope, labels, region, trust, expiresIn },
    });
    print(json ? JSON.stringify(made) : made.token);
  });
}

function list(server: string, options: ReachOptions & { json: boolean }): Promise<void> {
  return withClient(server, options, async (client) => {
    const { tokens } = await client.get<{ tokens: ShownToken[] }>('/v1/tokens');
    if (options.json) return print(JSON.stringify(tokens));
    for (const { id, name, scope, trust, expiresAt, revokedAt, lastUsedAt } of tokens) {
      const ends = revokedAt ? `revoked ${revokedAt}` : expiresAt ? `until ${expiresAt}` : '';
      print(
        [id, scope.padEnd(7), trust.padEnd(9), name, ends, lastUsedAt ? `used ${lastUsedAt}` : 'never used']
          .filter(Boolean)
          .join('  '),
      );
    }
  });
}

function revoke(server: string, id: string, options: ReachOptions): Promise<void> {
  return withClient(server, options, async (client) => {
    const { name } = await client.send<ShownToken>('DELETE', `/v1/tokens/${encodeURIComponent(id)}`);
    print(`${name} opens nothing any more.`);
  });
}

function withClient(
  server: string,
  options: ReachOptions,
  work: (client: GridClient) => Promise<void>,
): Promise<void> {
  const address = readReach(server, options);
  return untilInterrupted(async (signal) => work(await GridClient.open(address, signal)));
}

/** @throws {EdgeRunnerError} `option-invalid` */
export function readLabels(text: string): string[] {
  const words = text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
  if (nodeLabels.safeParse(words).success) return words;
  throw new EdgeRunnerError(
    'option-invalid',
    `--labels does not take "${text}".`,
    'Give at most 16 words of letters, digits, ".", "_", "=" and "-", with commas between.',
  );
}

/** @throws {EdgeRunnerError} `option-invalid` */
export function readRegion(text: string): string {
  if (nodeLabel.safeParse(text).success) return text;
  throw new EdgeRunnerError(
    'option-invalid',
    `--region does not take "${text}".`,
    'Give one word of letters, digits, ".", "_", "=" and "-", such as eu-west.',
  );
}

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};
