import { readFile } from 'node:fs/promises';
import { EdgeRunnerError, parseZones, type Zone } from '../../protocol/index.ts';

/**
 * Reads a file of zones.
 * @throws {EdgeRunnerError} `zones-invalid`: not there, no JSON, or no list of zones.
 */
export async function readZones(path: string): Promise<Zone[]> {
  const refused = (why: string, cause: unknown) =>
    new EdgeRunnerError('zones-invalid', `${path} ${why}.`, 'docs/zones.md shows what such a file holds.', {
      cause,
    });
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw refused(error.code === 'ENOENT' ? 'is not there' : `cannot be read (${error.code})`, error);
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw refused(`is no JSON (${error instanceof Error ? error.message : error})`, error);
  }
  return parseZones(value);
}
