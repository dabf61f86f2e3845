import { signal } from '@preact/signals';
import {
  EdgeRunnerError,
  type ErrorCode,
  type ErrorRecord,
  type SessionView,
} from '../../../protocol/index.ts';
import { ask } from '../shared/ask.ts';

/** Who looks: undefined until that is known, null where nobody is logged in. */
export const session = signal<SessionView | null | undefined>(undefined);
/** Why nobody is. */
export const sessionError = signal<ErrorRecord | null>(null);

/** Codes after which this browser has to log in. */
const LOGGED_OUT: readonly ErrorCode[] = ['token-missing', 'token-unknown', 'token-revoked', 'token-expired'];

const codeOf = (hash: string): string | null => new URLSearchParams(hash.slice(1)).get('login');

/** Whether the address is a login link. */
export const hasCode = (): boolean => codeOf(location.hash) !== null;

/** By the code of a link, which is in nobody's log there and does not stay in the address; else by its cookie. */
export async function enter(): Promise<void> {
  const code = codeOf(location.hash);
  if (code) history.replaceState(null, '', location.pathname);
  try {
    session.value = code
      ? await ask<SessionView>('POST', '/v1/session', { code })
      : await ask<SessionView>('GET', '/v1/session');
    sessionError.value = null;
  } catch (error) {
    // A link that was used before is no matter where its browser is logged in still.
    const cookie = code && (await ask<SessionView>('GET', '/v1/session').catch(() => null));
    if (cookie) session.value = cookie;
    else leave(EdgeRunnerError.from(error));
  }
}

export async function logIn(token: string): Promise<void> {
  try {
    session.value = await ask<SessionView>('POST', '/v1/session', { token });
    sessionError.value = null;
  } catch (error) {
    sessionError.value = EdgeRunnerError.from(error).toRecord();
  }
}

export async function logOut(): Promise<void> {
  await ask('DELETE', '/v1/session');
  session.value = null;
  sessionError.value = null;
}

/** An error that says that this browser is not logged in ends what it sees; any other is the caller's to show. */
export function leave(error: EdgeRunnerError): void {
  if (!LOGGED_OUT.includes(error.code)) {
    sessionError.value = error.toRecord();
    if (session.value === undefined) session.value = null;
    return;
  }
  // That nobody has logged in yet is no error.
  sessionError.value = error.code === 'token-missing' ? null : error.toRecord();
  session.value = null;
}

/** Does what a button is for. @returns what went wrong, to be shown beside it. */
export async function attempt(work: () => Promise<unknown>): Promise<ErrorRecord | null> {
  try {
    await work();
    return null;
  } catch (thrown) {
    const error = EdgeRunnerError.from(thrown);
    if (LOGGED_OUT.includes(error.code)) leave(error);
    return error.toRecord();
  }
}
