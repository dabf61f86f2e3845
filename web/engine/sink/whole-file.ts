import type { EngineHost } from '../host.ts';

/** Writes a small file of an output in one go. */
export async function writeWhole(
  host: EngineHost,
  output: string,
  name: string,
  data: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const writer = (await host.createFile(output, name)).getWriter();
  await writer.write({ type: 'write', data, position: 0 });
  await writer.close();
}
