import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { ErrorRecord, MintedToken, Scope, TokenView } from '../../../protocol/index.ts';
import { SCOPES } from '../../../protocol/index.ts';
import { ask } from '../shared/ask.ts';
import { ago, clock } from '../shared/words.ts';
import { Action, Chip, Copyable, More, Refusal } from './parts.tsx';
import { attempt } from './session.ts';
import type { Standing } from './states.ts';

const DAY = 86_400;
const LIFETIMES: Record<string, number | null> = {
  'a day': DAY,
  'a month': 30 * DAY,
  'a year': 365 * DAY,
  'for ever': null,
};

/** Who may what: tokens, and browsers that are logged in. */
export function Access() {
  const tokens = useSignal<readonly TokenView[] | null>(null);
  const made = useSignal<MintedToken | null>(null);
  const error = useSignal<ErrorRecord | null>(null);
  const read = async () => {
    error.value = await attempt(async () => {
      tokens.value = (await ask<{ tokens: TokenView[] }>('GET', '/v1/tokens')).tokens;
    });
  };
  useEffect(() => void read(), []);
  const create = async (event: Event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const lifetime = LIFETIMES[`${form.get('lifetime')}`] ?? null;
    error.value = await attempt(async () => {
      made.value = await ask<MintedToken>('POST', '/v1/tokens', {
        ...{ name: form.get('name'), scope: form.get('scope') as Scope },
        ...(lifetime !== null && { expiresIn: lifetime }),
      });
    });
    if (!error.value) await read();
  };
  return (
    <>
      <h1>Access</h1>
      {error.value && <Refusal error={error.value} />}
      <form class="card row" onSubmit={create}>
        <label class="row">
          <span>Name</span>
          <input name="name" required maxLength={128} placeholder="who or what it is for" />
        </label>
        <label class="row">
          <span>May</span>
          <select name="scope">
            {SCOPES.map((scope) => (
              <option key={scope} value={scope} selected={scope === 'submit'}>
                {MAY[scope]}
              </option>
            ))}
          </select>
        </label>
        <label class="row">
          <span>For</span>
          <select name="lifetime">
            {Object.keys(LIFETIMES).map((words) => (
              <option key={words}>{words}</option>
            ))}
          </select>
        </label>
        <button type="submit" class="main">
          Make a token
        </button>
      </form>
      {made.value && (
        <div class="card stack tight" role="status">
          <p>The token "{made.value.name}". It is shown this once.</p>
          <Copyable text={made.value.token} label="token" />
        </div>
      )}
      <div class="card table">
        <table>
          <caption class="hidden">Tokens</caption>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">May</th>
              <th scope="col">State</th>
              <th scope="col">Used</th>
              <th scope="col">
                <span class="hidden">What can be done</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {(tokens.value ?? [])
              .toSorted(
                (a, b) => Number(isOver(a)) - Number(isOver(b)) || b.createdAt.localeCompare(a.createdAt),
              )
              .map((token) => (
                <tr key={token.id}>
                  <th scope="row">{token.name}</th>
                  <More name="May">{MAY[token.scope]}</More>
                  <td>
                    <Chip {...standingOf(token)} />
                  </td>
                  <More name="Used">{ago(token.lastUsedAt)}</More>
                  <td class="do">
                    {!isOver(token) && (
                      <Action
                        class="small bad"
                        label={`Revoke ${token.name}`}
                        sure={`Revoke "${token.name}"? Whoever has it is locked out at once.`}
                        work={() => ask('DELETE', `/v1/tokens/${token.id}`).then(read)}
                      >
                        Revoke
                      </Action>
                    )}
                  </td>
                </tr>
              ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

const MAY: Record<Scope, string> = {
  admin: 'administer',
  submit: 'submit jobs',
  read: 'look',
  enrol: 'add nodes',
  publish: 'publish streams',
  view: 'watch streams',
};

const isOver = ({ revokedAt, expiresAt }: TokenView): boolean =>
  revokedAt !== null || (expiresAt !== null && Date.parse(expiresAt) < Date.now());

function standingOf({ revokedAt, expiresAt }: TokenView): Standing {
  if (revokedAt) return { tone: 'off', word: 'revoked' };
  if (!expiresAt) return { tone: 'good', word: 'good' };
  return Date.parse(expiresAt) < Date.now()
    ? { tone: 'off', word: 'expired' }
    : { tone: 'good', word: `good until ${clock(expiresAt)}` };
}
