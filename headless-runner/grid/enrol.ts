import { createHash } from 'node:crypto';
import { EdgeRunnerError, type ErrorCode, enrolledNode } from '../../protocol/index.ts';
import type { GridClient } from './client.ts';
import { Credentials } from './credentials.ts';
import type { Gpu } from './gpus.ts';

/** What a server says to a token that lets nobody in. */
const REFUSED: ReadonlySet<ErrorCode> = new Set([
  ...(['token-unknown', 'token-revoked', 'token-expired', 'scope-missing'] as const),
]);

/** What the node of a GPU is called at the server. */
export const nodeName = (machine: string, { index }: Gpu): string =>
  index === null ? machine : `${machine} GPU ${index}`;

/**
 * What this machine was given before, while the server still knows it; else the token is exchanged for one. So is a token
 * that is another one than that for which it was given: whoever gives it wants what it says of trust, labels, tenant.
 * @throws {EdgeRunnerError} `token-missing`, and what the server says of a token
 */
export async function credentialOf(client: GridClient, name: string, token: string | null): Promise<string> {
  const credentials = new Credentials();
  const kept = await credentials.get(client.server, name);
  const hash = token === null ? null : createHash('sha256').update(token).digest('hex');
  const known = kept !== null && (await client.knowsNode(kept.credential));
  if (known && (hash === null || hash === kept.token)) return kept.credential;
  if (hash === null)
    throw new EdgeRunnerError(
      'token-missing',
      `${client.server.origin} does not know this machine, and there is no token.`,
      'Give an enrolment token with --token-file or EDGE_RUNNER_TOKEN.',
    );
  const credential = await enrol(client, name, known);
  await credentials.set(client.server, name, { credential, token: hash });
  return credential;
}

/** @param known whether this machine is a node already. */
async function enrol(client: GridClient, name: string, known: boolean): Promise<string> {
  try {
    return enrolledNode.parse(await client.send('POST', '/v1/nodes', { name, host: 'headless' })).credential;
  } catch (error) {
    if (!known || !(error instanceof EdgeRunnerError) || !REFUSED.has(error.code)) throw error;
    // Not taken for the one that it had: it would go on with less, or more, than whoever gave this one thinks.
    throw new EdgeRunnerError(
      error.code,
      error.message,
      `${error.remedy} Without a token this machine joins as the node that it was.`,
      { cause: error },
    );
  }
}
