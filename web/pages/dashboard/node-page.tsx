import { useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import type { FarmNode, NodeDetail } from '../../../protocol/index.ts';
import { ask } from '../shared/ask.ts';
import { ago, clock, gib, percent, rate } from '../shared/words.ts';
import { farm } from './farm.ts';
import { LastAttempts } from './last-attempts.tsx';
import { Heat, loadOf, NodeActions } from './nodes.tsx';
import { Chip } from './parts.tsx';
import { Reader } from './reader.ts';
import { attempt } from './session.ts';
import { standingOf } from './states.ts';

/** Milliseconds between two readings of a node that works. */
const READ_MS = 5_000;

/** One node: what it is made of, how it fares, what it can do. */
export function NodePage({ id }: { id: string }) {
  const view = useSignal<NodeDetail | null>(null);
  const live = useSignal<FarmNode | null>(null);
  useSignalEffect(() => {
    // Whenever there are other nodes, and whenever this one is another.
    void farm.nodes.value;
    live.value = farm.node(id)?.value ?? null;
  });
  const reader = useMemo(
    () =>
      new Reader(async () => {
        await attempt(async () => {
          view.value = await ask<NodeDetail>('GET', `/v1/nodes/${id}`);
        });
      }, READ_MS),
    [id],
  );
  useEffect(() => () => reader.stop(), [reader]);
  const node = live.value;
  // What it did last is another thing whenever it has begun or ended something.
  useEffect(() => reader.changed(), [reader, node?.running, node?.failures, node?.state]);
  if (!node) return <p class="quiet">{farm.loaded.value ? 'There is no such node any more.' : 'Loading…'}</p>;
  const { capabilities, speeds = {} } = view.value ?? {};
  return (
    <>
      <div class="row spread">
        <h1>{node.name}</h1>
        <NodeActions node={node} />
      </div>
      {node.load?.warning && !node.pause && <p class="notice">{node.load.warning}</p>}
      {(node.reason ?? node.pause) && (
        <div class={`notice ${node.state === 'suspended' ? 'bad' : ''}`}>
          <strong>
            {standingOf(node).word}: {node.reason ?? node.pause?.message}
          </strong>
          {node.state === 'suspended' && (
            <p>
              {node.suspendedUntil && `It is tried again at ${clock(node.suspendedUntil)}. `}
              What failed stands below; "Let work" tries it at once.
            </p>
          )}
        </div>
      )}
      <div class="columns">
        <section class="card stack tight" aria-labelledby="now">
          <h2 id="now">Now</h2>
          <dl class="facts number">
            <dt>State</dt>
            <dd>
              <Chip {...standingOf(node)} />
            </dd>
            <dt>Tasks</dt>
            <dd>
              {Math.min(node.running, node.slots)} of {node.slots}
              {node.running > node.slots && ', the next one is prepared'}
            </dd>
            <dt>Frames a second</dt>
            <dd>{rate(node.fps)}</dd>
            <dt>Load</dt>
            <dd>{loadOf(node) ?? '–'}</dd>
            <dt>Heat</dt>
            <dd>
              <Heat node={node} />
            </dd>
            {node.load?.memory != null && (
              <>
                <dt>Memory</dt>
                <dd>{percent(node.load.memory)}</dd>
              </>
            )}
            {node.load?.battery && (
              <>
                <dt>Battery</dt>
                <dd>
                  {percent(node.load.battery.level)}
                  {node.load.battery.charging ? ', plugged in' : ''}
                </dd>
              </>
            )}
            <dt>Failures in a row</dt>
            <dd>{node.failures}</dd>
            <dt>Heard of</dt>
            <dd>{node.connected ? 'connected' : ago(node.lastSeen)}</dd>
          </dl>
        </section>
        <section class="card stack tight" aria-labelledby="machine">
          <h2 id="machine">Machine</h2>
          <dl class="facts">
            {node.device && (
              <>
                <dt>System</dt>
                <dd>{node.device.system}</dd>
                <dt>Processor</dt>
                <dd>{node.device.cpu}</dd>
                <dt>Memory</dt>
                <dd>{gib(node.device.memory)}</dd>
                {node.device.gpus.map((gpu, i) => (
                  <Gpu key={i} gpu={gpu} load={node.load?.gpus[i]} />
                ))}
              </>
            )}
            <dt>WebGPU</dt>
            <dd>{node.adapter ?? 'no adapter: it works with its processor (backend cpu)'}</dd>
            {capabilities && (
              <>
                <dt>Reads</dt>
                <dd>{codecs(capabilities.decode)}</dd>
                <dt>Writes</dt>
                <dd>{codecs(capabilities.encode)}</dd>
                <dt>Browser</dt>
                <dd>
                  {/(Edg|Chrome|Firefox|Version)\/[\d.]+/.exec(capabilities.userAgent)?.[0] ?? 'unknown'}
                </dd>
              </>
            )}
            {Object.entries(speeds).flatMap(([backend, works]) =>
              Object.entries(works ?? {}).map(([work, fps]) => [
                <dt key={`${backend} ${work}`}>
                  {work} ({backend})
                </dt>,
                <dd key={`${backend} ${work} fps`} class="number">
                  {rate(fps)} frames a second, measured as it joined
                </dd>,
              ]),
            )}
            <dt>Trust</dt>
            <dd>
              {node.trust}
              {node.region ? `, region ${node.region}` : ''}
              {node.labels.length > 0 ? `, labels ${node.labels.join(', ')}` : ''}
            </dd>
            {view.value?.build && (
              <>
                <dt>Build</dt>
                <dd>{view.value.build}</dd>
              </>
            )}
          </dl>
        </section>
      </div>
      {view.value && <LastAttempts attempts={view.value.lastAttempts} />}
    </>
  );
}

type Device = NonNullable<FarmNode['device']>;

const Gpu = ({
  gpu: { name, memory, driver },
  load,
}: {
  gpu: Device['gpus'][number];
  load: NonNullable<FarmNode['load']>['gpus'][number] | undefined;
}) => (
  <>
    <dt>GPU</dt>
    <dd>
      {[
        name,
        memory !== null && gib(memory),
        driver && `driver ${driver}`,
        load?.load != null && `load ${percent(load.load)}`,
        load?.memory != null && `memory ${percent(load.memory)}`,
        load?.temperature != null && `${Math.round(load.temperature)} °C`,
      ]
        .filter(Boolean)
        .join(', ')}
    </dd>
  </>
);

const codecs = (paths: Record<string, string>): string =>
  Object.entries(paths)
    .filter(([, path]) => path !== 'no')
    .map(([codec, path]) => (path === 'hardware' ? `${codec} (hardware)` : codec))
    .join(', ') || 'nothing';
