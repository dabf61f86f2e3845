import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { mount } from '../shared/mount.ts';
import './dashboard.css';
import { Access } from './access.tsx';
import { AddNode } from './add-node.tsx';
import { farm } from './farm.ts';
import { JobPage } from './job-page.tsx';
import { Login } from './login.tsx';
import { NodePage } from './node-page.tsx';
import { Nodes } from './nodes.tsx';
import { Overview } from './overview.tsx';
import { Action, Refusal } from './parts.tsx';
import { enter, hasCode, logOut, session } from './session.ts';
import { stream } from './stream.ts';

/** Where we are: what stands after the #. */
const place = signal(placeOf());
addEventListener('hashchange', () => {
  // A login link that is opened in a tab that is here already loads nothing anew.
  if (hasCode()) void enter();
  place.value = placeOf();
  document.getElementById('main')?.focus({ preventScroll: true });
  scrollTo(0, 0);
});

function placeOf(): readonly string[] {
  return location.hash.startsWith('#/') ? location.hash.slice(2).split('/').filter(Boolean) : [];
}

function App() {
  if (session.value === undefined) return <p class="quiet loading">Loading…</p>;
  if (session.value === null) return <Login />;
  // Drawn anew for whoever logs in next.
  return <Dashboard key={session.value.id} />;
}

function Dashboard() {
  const [view, id] = place.value;
  const ofJob = view === 'jobs' && id !== undefined;
  // The page of a job hears of that alone.
  useEffect(() => {
    if (!ofJob) farm.watch();
  }, [ofJob]);
  useEffect(() => () => farm.stop(), []);
  const admin = session.value?.scope === 'admin';
  return (
    <>
      <header>
        <a class="brand" href="#/">
          edge-runner
        </a>
        <nav aria-label="Pages">
          <Tab to="">Farm</Tab>
          <Tab to="nodes">Nodes</Tab>
          {admin && <Tab to="add">Add a node</Tab>}
          {admin && <Tab to="access">Access</Tab>}
          <a href="/overlay/">Overlay</a>
          <a href="/banner/">Banner</a>
          <a href="/api/">API</a>
        </nav>
        <Action work={logOut}>Log out</Action>
      </header>
      {stream.lost.value && (
        <p class="notice stale" role="alert">
          The server does not answer: this is what it said last. It is asked again and again.
        </p>
      )}
      <main id="main" class="wide stack" tabIndex={-1}>
        {farm.problems.value.map((problem) => (
          <Refusal key={problem.code} error={problem} />
        ))}
        <View />
      </main>
    </>
  );
}

const Tab = ({ to, children }: { to: string; children: string }) => (
  <a href={`#/${to}`} aria-current={(place.value[0] ?? '') === to ? 'page' : undefined}>
    {children}
  </a>
);

function View() {
  const [view, id] = place.value;
  if (view === 'nodes') return id ? <NodePage key={id} id={id} /> : <Nodes />;
  if (view === 'jobs' && id) return <JobPage key={id} id={id} />;
  if (view === 'access') return <Access />;
  if (view === 'add')
    return (
      <>
        <h1>Add a node</h1>
        <AddNode />
      </>
    );
  return <Overview />;
}

mount(<App />);
void enter();
