import { EdgeRunnerError, fromProblem } from '../../../protocol/index.ts';

type Method = 'GET' | 'POST' | 'DELETE' | 'PUT' | 'PATCH';

/**
 * Asks the server that this page is of, as whoever is logged in.
 * @throws {EdgeRunnerError} as the server says; `server-unreachable`
 */
export async function ask<T>(method: Method, path: string, body?: object): Promise<T> {
  const answer = await fetch(path, {
    method,
    ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  }).catch((error: unknown) => {
    throw new EdgeRunnerError(
      'server-unreachable',
      'The server does not answer.',
      'See that it runs, and that this device is on its network.',
      { cause: error },
    );
  });
  if (answer.status === 204) return undefined as T;
  const told: unknown = await answer.json().catch(() => null);
  if (answer.ok) return told as T;
  throw (
    fromProblem(told) ??
    new EdgeRunnerError(
      'server-refused',
      `The server answered ${answer.status}.`,
      'Look into its log, or at what stands between it and you.',
    )
  );
}
