import { createHash } from 'node:crypto';
import type { BackendChoice, Codec, JobSpec, Trust } from '../../protocol/index.ts';
import type { NodeRow } from '../store/nodes.ts';

/** What a node must be to be asked. */
export interface TaskNeeds {
  tenant: string;
  trust: Trust;
  region: string | null;
  labels: string[];
  backend: BackendChoice;
  /** Codec that it must be able to write; null where any will do. */
  encode: Codec | null;
  /** Of the encoders that may write it; null for any. A strict one is never given up. */
  encoderClass: { name: string; isStrict: boolean } | null;
  /** Kind of work by which nodes are compared: `transcode`, `detect`, `depth`, `detect+depth`; `probe` needs none of it. */
  work: string;
}

/** @param leastTrust of the tenant: a job may ask for more, never for less. */
export function needsOf(spec: JobSpec, tenant: string, leastTrust: Trust): TaskNeeds {
  const { trust, region = null, labels, backend } = spec.placement;
  const video = spec.outputs.find((output) => output.kind === 'video');
  const { encoderClass: named } = spec.placement;
  const stages = (['detect', 'depth'] as const).filter((kind) =>
    spec.stages.some((stage) => stage.kind === kind),
  );
  return {
    tenant,
    trust: trust === 'trusted' || leastTrust === 'trusted' ? 'trusted' : 'untrusted',
    region,
    labels: [...new Set(labels)].sort(),
    backend,
    encode: video?.codec ?? null,
    encoderClass: video?.codec && named !== 'one' && named !== 'any' ? { name: named, isStrict: true } : null,
    work: stages.join('+') || 'transcode',
  };
}

/** The same for needs that are the same. */
export const needsKey = (needs: TaskNeeds): string =>
  createHash('sha256').update(JSON.stringify(needs)).digest('base64url').slice(0, 22);

/** Whether a node may have, and can do, what is needed. */
export function canDo(node: Capable, needs: TaskNeeds): boolean {
  const { capabilities } = node;
  if (!capabilities) return false;
  // The operator's nodes work for all tenants, another tenant's for that one only.
  if (node.tenant !== needs.tenant && !node.operator) return false;
  if (needs.trust === 'trusted' && node.trust !== 'trusted') return false;
  if (needs.region !== null && node.region !== needs.region) return false;
  if (!needs.labels.every((label) => node.labels.includes(label))) return false;
  // A software adapter counts as no GPU.
  if (needs.backend === 'webgpu' && (!capabilities.adapter || capabilities.adapter.software)) return false;
  if (needs.encode === null) return true;
  if ((capabilities.encode[needs.encode] ?? 'no') === 'no') return false;
  return !needs.encoderClass || capabilities.encoderClasses[needs.encode] === needs.encoderClass.name;
}

export type Capable = Pick<
  NodeRow,
  'tenant' | 'operator' | 'trust' | 'region' | 'labels' | 'capabilities' | 'speeds'
>;

/** Frames a second that a node is known to do of such work; null where nobody has measured it. */
export function speedOf({ speeds }: Pick<Capable, 'speeds'>, { backend, work }: TaskNeeds): number | null {
  const backends = backend === 'auto' ? (['webgpu', 'cpu'] as const) : [backend];
  for (const name of backends) {
    const speed = speeds[name]?.[work];
    if (speed !== undefined) return speed;
  }
  return null;
}
