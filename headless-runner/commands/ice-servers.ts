import { readFile } from 'node:fs/promises';
import { EdgeRunnerError, type IceServer } from '../../protocol/index.ts';
import { readIceServers } from '../../server/index.ts';

/**
 * Servers for STUN and TURN, from the file of `--ice-servers`.
 * @throws {EdgeRunnerError} `option-invalid`
 */
export async function readIceFile(path: string): Promise<IceServer[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new EdgeRunnerError(
      'option-invalid',
      `--ice-servers: ${path} cannot be read (${error.code}).`,
      'Give a file that this user may read.',
      { cause: error },
    );
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new EdgeRunnerError(
      'option-invalid',
      `--ice-servers: ${path} is no JSON: ${error instanceof Error ? error.message : error}.`,
      'docs/streams.md shows one.',
      { cause: error },
    );
  }
  return readIceServers(value);
}
