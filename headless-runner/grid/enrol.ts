import { EdgeRunnerError, enrolledNode } from '../../protocol/index.ts';
import type { GridClient } from './client.ts';
import { Credentials } from './credentials.ts';
import type { Gpu } from './gpus.ts';

/** What the node of a GPU is called at the server. */
export const nodeName = (machine: string, { index }: Gpu): string =>
  index === null ? machine : `${machine} GPU ${index}`;

/**
 * What this machine was given before, while the server still knows it; else the token is exchanged for one.
 * @throws {EdgeRunnerError} `token-missing`, and what the server says of a token
 */
export async function credentialOf(client: GridClient, name: string, hasToken: boolean): Promise<string> {
  const credentials = new Credentials();
  const kept = await credentials.get(client.server, name);
  if (kept !== null && (await client.knowsNode(kept))) return kept;
  if (!hasToken)
    throw new EdgeRunnerError(
      'token-missing',
      `${client.server.origin} does not know this machine, and there is no token.`,
      'Give an enrolment token with --token-file or EDGE_RUNNER_TOKEN.',
    );
  const { credential } = enrolledNode.parse(
    await client.send('POST', '/v1/nodes', { name, host: 'headless' }),
  );
  await credentials.set(client.server, name, credential);
  return credential;
}
