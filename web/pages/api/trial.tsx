import { signal, useSignal } from '@preact/signals';
import { Scrolled } from '../shared/scrolled.tsx';
import { type Answer, read } from './answer.ts';
import { type Body, type Call, example, type Parameter } from './document.ts';

/** Empty: whoever this browser is logged in as. */
export const token = signal('');

/** One operation to be tried, as whoever this browser is logged in as or with the token. */
export function Trial({ call: { method, path, operation }, body }: { call: Call; body: Body | null }) {
  const { parameters = [] } = operation;
  const answer = useSignal<Answer | null>(null);
  const busy = useSignal(false);
  const send = async (event: Event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const address = addressOf(path, parameters, form);
    if (method === 'DELETE' && !confirm(`Send DELETE ${address}? It is really done.`)) return;
    busy.value = true;
    if (answer.value?.file) URL.revokeObjectURL(answer.value.file);
    answer.value = null;
    try {
      const response = await fetch(address, {
        method,
        headers: {
          ...(token.value && { authorization: `Bearer ${token.value.trim()}` }),
          ...(body && { 'content-type': body.type }),
        },
        ...(body && { body: `${form.get('body')}` }),
      });
      answer.value = await read(response);
    } catch (error) {
      answer.value = { text: `The server did not answer: ${error}` };
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
            {body.type === 'application/json' ? JSON.stringify(example(body.schema), null, 2) : ''}
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
          <pre>{answer.value.text}</pre>
          {answer.value.file && (
            <p>
              <a href={answer.value.file} download={answer.value.name}>
                Save {answer.value.name}
              </a>
            </p>
          )}
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
