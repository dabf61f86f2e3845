import { useSignal } from '@preact/signals';
import { Refusal } from './parts.tsx';
import { logIn, sessionError } from './session.ts';

/** Whoever is not logged in: how to get in, and why they are out. */
export function Login() {
  const token = useSignal('');
  const submit = (event: Event) => {
    event.preventDefault();
    void logIn(token.value.trim());
  };
  return (
    <main class="narrow stack">
      <h1>edge-runner</h1>
      {sessionError.value && <Refusal error={sessionError.value} />}
      <form class="card stack" onSubmit={submit}>
        <p>
          Open the link that <code>edge-runner server</code> printed when it started, or paste a token.
        </p>
        <label class="stack tight">
          Token
          <input
            type="password"
            autocomplete="off"
            spellcheck={false}
            required
            value={token.value}
            onInput={({ currentTarget }) => {
              token.value = currentTarget.value;
            }}
          />
        </label>
        <div>
          <button type="submit" class="main">
            Log in
          </button>
        </div>
      </form>
      <p class="quiet">
        No token any more? <code>edge-runner server --new-admin-token</code> shows a new one when it starts.
      </p>
    </main>
  );
}
