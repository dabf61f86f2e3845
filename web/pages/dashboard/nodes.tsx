import { type Signal, useComputed, useSignal } from '@preact/signals';
import type { FarmNode } from '../../../protocol/index.ts';
import { ask } from '../shared/ask.ts';
import { percent, plural, rate } from '../shared/words.ts';
import { farm } from './farm.ts';
import { Action, Chip, More } from './parts.tsx';
import { session } from './session.ts';
import { hardwareOf, hottest, standingOf } from './states.ts';

/** Rows of one page: hundreds of machines are looked through by name, not by scrolling. */
const ROWS = 50;

const ORDERS: Record<string, (a: FarmNode, b: FarmNode) => number> = {
  name: (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }),
  state: (a, b) => standingOf(a).word.localeCompare(standingOf(b).word),
  speed: (a, b) => b.fps - a.fps,
  temperature: (a, b) => (hottest(b) ?? -1) - (hottest(a) ?? -1),
};

export function Nodes() {
  const wanted = useSignal('');
  const order = useSignal('name');
  const page = useSignal(0);
  // By what stands still: sorted by speed, the rows would dance. They are sorted when somebody asks for it.
  const found = useComputed(() => {
    const words = wanted.value.toLowerCase().split(/\s+/).filter(Boolean);
    return farm.nodes.value
      .filter((node) => {
        const text = textOf(node.peek());
        return words.every((word) => text.includes(word));
      })
      .sort((a, b) => ORDERS[order.value]!(a.peek(), b.peek()));
  });
  const pages = Math.max(1, Math.ceil(found.value.length / ROWS));
  const at = Math.min(page.value, pages - 1);
  return (
    <>
      <div class="row spread">
        <h1>Nodes</h1>
        <a class="button" href="#/add">
          Add a node
        </a>
      </div>
      <div class="row">
        <label class="row">
          <span>Find</span>
          <input
            type="search"
            placeholder="name, GPU, label, state"
            value={wanted.value}
            onInput={({ currentTarget }) => {
              wanted.value = currentTarget.value;
              page.value = 0;
            }}
          />
        </label>
        <label class="row">
          <span>Sort by</span>
          <select
            value={order.value}
            onChange={({ currentTarget }) => {
              order.value = currentTarget.value;
            }}
          >
            {Object.keys(ORDERS).map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <span class="quiet" role="status">
          {plural(found.value.length, 'node')}
        </span>
      </div>
      <div class="card table">
        <table>
          <caption class="hidden">Nodes</caption>
          <thead>
            <tr>
              <th scope="col">Node</th>
              <th scope="col">State</th>
              <th scope="col">Works with</th>
              <th scope="col">Load</th>
              <th scope="col">Heat</th>
              <th scope="col">Tasks</th>
              <th scope="col">Frames/s</th>
              <th scope="col">
                <span class="hidden">What can be done</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {found.value.slice(at * ROWS, (at + 1) * ROWS).map((node) => (
              <Row key={node.peek().id} node={node} />
            ))}
          </tbody>
        </table>
        {found.value.length === 0 && <p class="quiet empty">No node is like that.</p>}
      </div>
      {pages > 1 && (
        <nav class="row" aria-label="Pages of nodes">
          <button type="button" disabled={at === 0} onClick={() => (page.value = at - 1)}>
            Before
          </button>
          <span>
            Page {at + 1} of {pages}
          </span>
          <button type="button" disabled={at === pages - 1} onClick={() => (page.value = at + 1)}>
            Next
          </button>
        </nav>
      )}
    </>
  );
}

const textOf = (node: FarmNode): string =>
  [node.name, standingOf(node).word, hardwareOf(node), node.host, node.region ?? '', ...node.labels]
    .join(' ')
    .toLowerCase();

function Row({ node: signal }: { node: Signal<FarmNode> }) {
  const node = signal.value;
  const { id, name, host, fps, running, slots } = node;
  return (
    <tr>
      <th scope="row">
        <a href={`#/nodes/${id}`}>{name}</a>
        {host === 'tab' && <span class="quiet"> tab</span>}
      </th>
      <td>
        <Chip {...standingOf(node)} />
      </td>
      <More name="Works with" words>
        {hardwareOf(node)} <span class="quiet">({node.adapter ? 'webgpu' : 'cpu'})</span>
      </More>
      <More name="Load">{loadOf(node)}</More>
      <More name="Heat">{hottest(node) !== null && <Heat node={node} />}</More>
      <More name="Tasks">
        {Math.min(running, slots)} of {slots}
      </More>
      <More name="Frames/s">{rate(fps)}</More>
      <td class="do">
        <NodeActions node={node} />
      </td>
    </tr>
  );
}

/** Null where nobody knows. */
export function loadOf({ load }: Pick<FarmNode, 'load'>): string | null {
  const gpu = load?.gpus.find((one) => one.load !== null)?.load ?? null;
  const parts = [
    ...(gpu !== null ? [`GPU ${percent(gpu)}`] : []),
    ...(load?.cpu != null ? [`CPU ${percent(load.cpu)}`] : []),
  ];
  return parts.join(', ') || null;
}

export function Heat({ node }: { node: FarmNode }) {
  const degrees = hottest(node);
  if (degrees === null) return '–';
  const tone = node.pause?.code === 'thermal' ? 'bad' : node.load?.warning ? 'warn' : null;
  const words = `${Math.round(degrees)} °C`;
  return tone ? <Chip tone={tone} word={words} /> : words;
}

export function NodeActions({ node: { id, name, state } }: { node: FarmNode }) {
  if (session.value?.scope !== 'admin') return null;
  const act = (word: string) => () => ask('POST', `/v1/nodes/${id}/${word}`);
  return (
    <span class="row actions">
      {state === 'active' ? (
        <Action key="drain" work={act('drain')} label={`Drain ${name}`}>
          Drain
        </Action>
      ) : (
        <Action key="enable" work={act('enable')} label={`Let work: ${name}`}>
          Let work
        </Action>
      )}
      <Action
        class="small bad"
        work={() => ask('DELETE', `/v1/nodes/${id}`)}
        sure={`Revoke ${name}? Its work goes to others at once, and it can come back only with a new token.`}
        label={`Revoke ${name}`}
      >
        Revoke
      </Action>
    </span>
  );
}
