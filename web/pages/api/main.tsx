import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { mount } from '../shared/mount.ts';
import './api.css';
import { Scrolled } from '../shared/scrolled.tsx';
import { bodyOf, type Call, type Document, groupsOf, type Schema } from './document.ts';
import { Trial, token } from './trial.tsx';

const found = signal<Document | null>(null);
const fault = signal<string | null>(null);

function App() {
  useEffect(() => {
    fetch('/openapi.json')
      .then((answer) => answer.json())
      .then((told: Document) => {
        found.value = told;
        // Links into the page are good only once it is there.
        requestAnimationFrame(() => document.getElementById(location.hash.slice(1))?.scrollIntoView());
      })
      .catch((error: unknown) => {
        fault.value = `The document could not be read: ${error}.`;
      });
  }, []);
  if (fault.value) return <p role="alert">{fault.value}</p>;
  if (!found.value) return <p class="quiet">Loading…</p>;
  const { info } = found.value;
  const groups = groupsOf(found.value);
  return (
    <div class="api">
      <nav aria-label="Operations">
        <p>
          <a href="/dashboard/">Dashboard</a>
        </p>
        {groups.map(([name, calls]) => (
          <div key={name}>
            <h2>{name}</h2>
            <ul>
              {calls.map(({ operation }) => (
                <li key={operation.operationId}>
                  <a href={`#${operation.operationId}`}>{operation.operationId}</a>
                </li>
              ))}
            </ul>
          </div>
        ))}
      </nav>
      <main class="stack">
        <div class="row spread">
          <h1>
            {info.title} API <span class="quiet">{info.version}</span>
          </h1>
          <a class="button" href="/openapi.json">
            openapi.json
          </a>
        </div>
        <p>{info.description}</p>
        <label class="card stack">
          <span>Token, for what you try here; empty: as whom this browser is logged in</span>
          <input
            type="password"
            autocomplete="off"
            value={token.value}
            onInput={({ currentTarget }) => {
              token.value = currentTarget.value;
            }}
          />
        </label>
        {groups.map(([name, calls]) => (
          <section key={name} class="stack" aria-labelledby={`group-${name}`}>
            <h2 id={`group-${name}`}>{name}</h2>
            {calls.map((call) => (
              <Operation key={call.operation.operationId} call={call} />
            ))}
          </section>
        ))}
      </main>
    </div>
  );
}

function Operation({ call }: { call: Call }) {
  const { method, path, operation } = call;
  const { operationId, summary, description, responses } = operation;
  const body = bodyOf(operation);
  const answers = Object.entries(responses).filter(([status]) => status !== 'default');
  const [status, answer] = answers[0]!;
  const type = Object.keys(answer.content ?? {})[0];
  const schema = answer.content?.['application/json']?.schema;
  return (
    <article class="card stack tight" id={operationId} aria-labelledby={`${operationId}-heading`}>
      <h3 id={`${operationId}-heading`} class="row">
        <span class="method">{method}</span>
        <span class="code path">{path}</span>
      </h3>
      <p>
        <Words text={summary} />
      </p>
      <p class="quiet">
        Who may: <Words text={description} /> Answers {status}
        {type ? ` with ${type}` : ''}.
      </p>
      {body && <Shape words="What it takes" schema={body.schema} />}
      {schema && <Shape words="What it answers" schema={schema} />}
      <details>
        <summary>Try it</summary>
        <Trial call={call} body={body} />
      </details>
    </article>
  );
}

/** What stands between backticks is code. */
const Words = ({ text }: { text: string }) => (
  <>{text.split('`').map((part, i) => (i % 2 === 1 ? <code key={i}>{part}</code> : part))}</>
);

const Shape = ({ words, schema }: { words: string; schema: Schema }) => (
  <details>
    <summary>{words}</summary>
    <Scrolled label={words}>
      <pre>{JSON.stringify(schema, null, 2)}</pre>
    </Scrolled>
  </details>
);

mount(<App />);
