import { EdgeRunnerError } from '../../protocol/index.ts';
import type { LoadedModel } from '../engine/index.ts';
import type { ServerLink } from './server-link.ts';
import { sha256 } from './sha256.ts';

/** The one thing that outlives a task on a node: weights, which are everybody's. */
const CACHE = 'edge-runner-models';

/** A model from the server, or from here if it was had before; its digest is looked at either way. */
export async function loadModel(link: ServerLink, name: string, credential: string): Promise<LoadedModel> {
  const headers = { authorization: `Bearer ${credential}` };
  const path = `/v1/models/${encodeURIComponent(name)}`;
  const descriptor = await link.json<LoadedModel['descriptor']>(`${path}/descriptor`, { headers });
  const key = link.url(`/models/${descriptor.sha256}`);
  // A browser may refuse to keep anything.
  const cache = await caches.open(CACHE).catch(() => null);
  const kept = await (await cache?.match(key))?.arrayBuffer();
  if (kept && (await sha256(kept)) === descriptor.sha256) return { descriptor, bytes: kept };
  const bytes = await (await link.fetch(() => `${path}/bytes`, { headers })).arrayBuffer();
  if ((await sha256(bytes)) !== descriptor.sha256)
    throw new EdgeRunnerError(
      'model-hash',
      `The server's file of ${name} is not the one it says.`,
      'On the server: "edge-runner models verify".',
    );
  await cache?.put(key, new Response(bytes.slice(0))).catch(() => {});
  return { descriptor, bytes };
}
