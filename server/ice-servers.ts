import { EdgeRunnerError, type IceServer, writtenIceServers } from '../protocol/index.ts';

/**
 * Servers for STUN and TURN, as whoever runs the server wrote them down.
 * @throws {EdgeRunnerError} `option-invalid`
 */
export function readIceServers(value: unknown): IceServer[] {
  const read = writtenIceServers.safeParse(value);
  if (read.success) return read.data;
  const { path, message } = read.error.issues[0]!;
  throw new EdgeRunnerError(
    'option-invalid',
    `The ICE servers${path.length > 0 ? `, ${path.join('.')}` : ''}: ${message}.`,
    'Give a list such as [{"urls": "stun:stun.example.net:3478"}, {"urls": "turn:turn.example.net", "username": "…", "credential": "…"}].',
  );
}
