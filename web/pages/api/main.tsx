import { signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { mount } from '../shared/mount.ts';
import './api.css';
import { Scrolled } from '../shared/scrolled.tsx';
import { type Call, type Document, example, groupsOf, type Parameter, type Schema } from './document.ts';

/** Of an answer so much is shown. */
const MOST_SHOWN = 100_000;
/** Milliseconds after which a stream of events has shown what it looks like. */
const STREAM_MS = 10_000;

const found = signal<Document | null>(null);
const fault = signal<string | null>(null);
/** Empty: whoever this browser is logged in as. */
const token = signal('');

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
  const body = operation.requestBody?.content['application/json'].schema;
  const answers = Object.entries(responses).filter(([status]) => status !== 'default');
  const [status, answer] = answers[0]!;
  const type = Object.keys(answer.content ?? {})[0];
  const schema = answer.content?.['application/json']?.schema;
  return (
    <article class="card stack tight" id={operationId} aria-labelledby={`${operationId}-name`}>
      <h3 id={`${operationId}-name`} class="row">
        <span class="method">{method}</span>
        <span class="code path">{path}</span>
      </h3>
      <p>{summary}</p>
      <p class="quiet">
        Who may: {description} Answers {status}
        {type ? ` with ${type}` : ''}.
      </p>
      {body && <Shape words="What it takes" schema={body} />}
      {schema && <Shape words="What it answers" schema={schema} />}
      <details>
        <summary>Try it</summary>
        <Trial call={call} body={body} />
      </details>
    </article>
  );
}

const Shape = ({ words, schema }: { words: string; schema: Schema }) => (
  <details>
    <summary>{words}</summary>
    <Scrolled label={words}>
      <pre>{JSON.stringify(schema, null, 2)}</pre>
    </Scrolled>
  </details>
);

function Trial({ call: { method, path, operation }, body }: { call: Call; body: Schema | undefined }) {
  const { parameters = [] } = operation;
  const answer = useSignal<string | null>(null);
  const busy = useSignal(false);
  const send = async (event: Event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    busy.value = true;
    answer.value = null;
    try {
      const response = await fetch(addressOf(path, parameters, form), {
        method,
        headers: {
          ...(token.value && { authorization: `Bearer ${token.value.trim()}` }),
          ...(body && { 'content-type': 'application/json' }),
        },
        ...(body && { body: `${form.get('body')}` }),
      });
      answer.value = `${response.status} ${response.statusText}\n\n${await readSome(response)}`;
    } catch (error) {
      answer.value = `The server did not answer: ${error}`;
    }
    busy.value = false;
  };
  return (
    <form class="stack tight" onSubmit={send}>
      {parameters.map((parameter) => (
        <Field key={parameter.name} parameter={parameter} id={`${operation.operationId}-${parameter.name}`} />
      ))}
      {body && (
        <label class="stack tight">
          <span>Body</span>
          <textarea name="body" rows={8} class="code" spellcheck={false}>
            {JSON.stringify(example(body), null, 2)}
          </textarea>
        </label>
      )}
      <div>
        <button type="submit" class="main" disabled={busy.value}>
          Send {method}
        </button>
      </div>
      {answer.value !== null && (
        <Scrolled label="Answer">
          <pre>{answer.value}</pre>
        </Scrolled>
      )}
    </form>
  );
}

function Field({
  parameter: { name, in: place, required, schema },
  id,
}: {
  parameter: Parameter;
  id: string;
}) {
  const field = { id, name: `${place}-${name}` };
  return (
    <div class="row">
      <label class="code parameter" for={id}>
        {name}
      </label>
      {schema.enum ? (
        <select {...field}>
          {!required && <option value="">(any)</option>}
          {schema.enum.map((one) => (
            <option key={`${one}`}>{`${one}`}</option>
          ))}
        </select>
      ) : (
        <input {...field} required={required} placeholder={`${schema.default ?? ''}`} />
      )}
    </div>
  );
}

function addressOf(path: string, parameters: readonly Parameter[], form: FormData): string {
  const query = new URLSearchParams();
  let filled = path;
  for (const { name, in: place } of parameters) {
    const value = `${form.get(`${place}-${name}`) ?? ''}`;
    if (place === 'path') filled = filled.replace(`{${name}}`, encodeURIComponent(value));
    else if (value !== '') query.set(name, value);
  }
  return query.size > 0 ? `${filled}?${query}` : filled;
}

/** The beginning of what comes; a stream that goes on is left after a while. */
async function readSome(response: Response): Promise<string> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (!reader) return '';
  let text = '';
  let late: ReturnType<typeof setTimeout> | undefined;
  const patience = new Promise<{ done: true; value: undefined }>((resolve) => {
    late = setTimeout(() => resolve({ done: true, value: undefined }), STREAM_MS);
  });
  for (;;) {
    const { done, value } = await Promise.race([reader.read(), patience]);
    if (done || text.length > MOST_SHOWN) break;
    text += value;
  }
  clearTimeout(late);
  void reader.cancel();
  if (!/json/.test(response.headers.get('content-type') ?? '')) return text.slice(0, MOST_SHOWN);
  try {
    return JSON.stringify(JSON.parse(text), null, 2).slice(0, MOST_SHOWN);
  } catch {
    return text.slice(0, MOST_SHOWN);
  }
}

mount(<App />);
