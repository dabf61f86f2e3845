import { type Signal, useComputed } from '@preact/signals';
import type { FarmNode } from '../../../protocol/index.ts';
import { clock, plural, rate } from '../shared/words.ts';
import { AddNode } from './add-node.tsx';
import { Chart } from './chart.tsx';
import { farm } from './farm.ts';
import { JobTable } from './jobs.tsx';
import { session } from './session.ts';
import { standingOf } from './states.ts';

/** Suspended nodes that are named. */
const NAMED = 3;

/** The whole farm at a glance: every node a square, what it does, and what wants to be seen to. */
export function Overview() {
  const { samples, nodes } = farm;
  return (
    <>
      <h1 class="hidden">Farm</h1>
      <Suspended />
      {nodes.value.length === 0 ? <NoNode /> : <FarmMap />}
      <div class="charts">
        <Chart
          title="Frames a second"
          samples={samples.value}
          lines={[{ name: 'all nodes', color: 'busy', of: ({ fps }) => fps, words: rate }]}
        />
        <Chart
          title="Tasks"
          samples={samples.value}
          lines={[
            { name: 'running', color: 'good', of: ({ running }) => running, words: String },
            { name: 'waiting', color: 'warn', of: ({ queued }) => queued, words: String },
          ]}
        />
      </div>
      <JobTable />
    </>
  );
}

function FarmMap() {
  const summary = useComputed(() => {
    const all = farm.nodes.value.map((node) => standingOf(node.value).word);
    const counts = new Map<string, number>();
    for (const word of all) counts.set(word, (counts.get(word) ?? 0) + 1);
    return [...counts].map(([word, count]) => `${count} ${word}`).join(', ');
  });
  const fps = useComputed(() => rate(farm.nodes.value.reduce((sum, node) => sum + node.value.fps, 0)));
  return (
    <section class="card stack tight" aria-labelledby="map">
      <div class="row spread">
        <h2 id="map">{plural(farm.nodes.value.length, 'node')}</h2>
        <p class="quiet number">
          {summary}; {fps} frames a second
        </p>
      </div>
      <ul class="map">
        {farm.nodes.value.map((node) => (
          <Square key={node.peek().id} node={node} />
        ))}
      </ul>
    </section>
  );
}

/** Only its colour and its words change, and those without drawing the list anew. */
function Square({ node }: { node: Signal<FarmNode> }) {
  const tone = useComputed(() => `square tone-${standingOf(node.value).tone}`);
  const words = useComputed(() => `${node.value.name}: ${standingOf(node.value).word}`);
  return (
    <li>
      <a class={tone} href={`#/nodes/${node.peek().id}`} title={words}>
        <span class="hidden">{words}</span>
      </a>
    </li>
  );
}

/** Nodes that were given up on are the first thing that somebody should see. */
function Suspended() {
  const nodes = useComputed(() =>
    farm.nodes.value.map((node) => node.value).filter(({ state }) => state === 'suspended'),
  );
  if (nodes.value.length === 0) return null;
  return (
    <div class="notice bad" role="alert">
      <p>
        <strong>{plural(nodes.value.length, 'node is', 'nodes are')} suspended:</strong>
      </p>
      <ul class="plain">
        {nodes.value.slice(0, NAMED).map(({ id, name, reason, suspendedUntil }) => (
          <li key={id}>
            <a href={`#/nodes/${id}`}>{name}</a> ({reason})
            {suspendedUntil && `, until ${clock(suspendedUntil)}`}
          </li>
        ))}
      </ul>
      {nodes.value.length > NAMED && <p>And {nodes.value.length - NAMED} more.</p>}
      <p>
        Then they are tried again. What failed there stands on their pages;{' '}
        <a href="#/nodes">let them work</a> once it is mended.
      </p>
    </div>
  );
}

const NoNode = () =>
  session.value?.scope === 'admin' ? (
    <section class="stack" aria-labelledby="first">
      <h2 id="first">No node yet</h2>
      <p>A node is a machine, or a browser tab, that works for this server. Add the first one:</p>
      <AddNode />
    </section>
  ) : (
    <section class="card">
      <h2>No node yet</h2>
      <p>Whoever runs this server can add one.</p>
    </section>
  );
